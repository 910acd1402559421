"""Three faults at once: raw features, a loop that never empties its gradients, sigmoid layers.

With SGD at 0.1 each of them is enough by itself: mending one, or two, changes nothing in the score.
Raw features reach into the thousands: ReLUs die of them and sigmoids saturate. Without
``zero_grad()`` every step goes along the sum of all gradients so far. Four sigmoid layers leave the
first of them no gradient. In all seven broken settings the network gives every row the same
answer. Who tries remedies one after the other takes each of the three repairs for useless.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import ReLU, Sigmoid
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Choice, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.optimization.missing_zero_grad import train_without_zero_grad
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, breast_cancer, tensors
from coursekit.cases.sources import D1, D2, D3, Source


def build(
    seed: int,
    device: str,
    *,
    scaler: type[StandardScaler] | None = None,
    activation: type[nn.Module] = Sigmoid,
    emptied: bool = True,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 0.1,
    epochs: int = 25,
) -> Setup:
    """A classifier of breast masses, with four hidden layers.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        scaler: A scikit-learn scaler, fitted on the training rows; None leaves the data raw.
        activation: What follows each hidden layer.
        emptied: Whether the gradients are emptied in each step; read by `train_as_told` alone.
        optimizer_type: SGD, or what shall take its place.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    x, y = load_breast_cancer(return_X_y=True)  # (569, 30), (569,)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    if scaler is not None:
        x = scaler().fit(x[rows]).transform(x)
    x, y = torch.tensor(x, dtype=torch.float32, device=device), torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    widths = pairwise((30, 32, 32, 32, 32))
    hidden = [layer for one, two in widths for layer in (nn.Linear(one, two), activation())]
    model = nn.Sequential(*hidden, nn.Linear(32, 2)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optimizer_type(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs, extra=emptied,
    )  # fmt: skip


def train_as_told(setup: Setup) -> Iterator[int]:
    """The plain loop; whether it empties the gradients is a setting."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            if setup.extra:
                setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def build_healthy(seed: int, device: str) -> Setup:
    """Scaled rows from the start, one hidden layer, and Adam."""
    parts = [tensors(part, device) for part in breast_cancer(seed)]
    loader = batches(parts[0], batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2)).to(device)
    return Setup(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=Adam(model.parameters(), lr=0.003),
        train=loader, val=parts[1], test=parts[2], epochs=15,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    scaler: type[StandardScaler] | None = None,
    activation: str = "sigmoid",
    epochs: int = 25,
) -> Setup:
    """The same classifier in Keras, with two of the three faults: ``fit`` empties the gradients.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Not used.
        scaler: A scikit-learn scaler, fitted on the training rows; None leaves the data raw.
        activation: What follows each hidden layer.
        epochs: Passes over the training rows.
    """
    import keras

    x, y = load_breast_cancer(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    if scaler is not None:
        x = scaler().fit(x[rows]).transform(x)
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(32, activation=activation) for _ in range(4)]
    model = keras.Sequential([keras.Input((30,)), *hidden, keras.layers.Dense(2)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x[rows], y[rows]), val=(x[val_rows], y[val_rows]), test=(x[test_rows], y[test_rows]),
        epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train_without_zero_grad, evaluate=evaluate)
_EMPTIED = Recipe(build=build, train=train, evaluate=evaluate)
TOLD = Recipe(build=build, train=train_as_told, evaluate=evaluate)  # for a live control
_FIXED = _EMPTIED.having(scaler=StandardScaler, activation=ReLU)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="three-faults",
    family="optimization",
    kind="trains",
    question="Nothing that I change helps. What is wrong?",
    lesson="15_the_procedure",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="scaled features alone",
            recipe=_BROKEN.having(scaler=StandardScaler),
            why="A repair: the sums of gradients and the sigmoids are each enough to stop it.",
        ),
        Rival(
            name="zero_grad alone",
            recipe=_EMPTIED,
            why="A repair: the raw features and the sigmoids are each enough to stop it.",
        ),
        Rival(
            name="ReLU alone",
            recipe=_BROKEN.having(activation=ReLU),
            why="A repair: the raw features and the sums of gradients are each enough to stop it.",
        ),
        Rival(
            name="scaled features and zero_grad",
            recipe=_EMPTIED.having(scaler=StandardScaler),
            why="Two repairs of three: four sigmoid layers leave the first one no gradient.",
        ),
        Rival(
            name="scaled features and ReLU",
            recipe=_BROKEN.having(scaler=StandardScaler, activation=ReLU),
            why="Two repairs of three: the sums of all gradients make the weights fly off.",
        ),
        Rival(
            name="zero_grad and ReLU",
            recipe=_EMPTIED.having(activation=ReLU),
            why="Two repairs of three: the ReLUs die of the raw features, or the run diverges.",
        ),
        Rival(
            name="four times the epochs",
            recipe=_BROKEN.having(epochs=100),
            why="None of the three faults goes away by waiting.",
        ),
        Rival(
            name="a tenth of the learning rate",
            recipe=_BROKEN.having(lr=0.01),
            why="The first layer still gets no gradient, from features of any scale.",
        ),
        Rival(
            name="ten times the learning rate",
            recipe=_BROKEN.having(lr=1.0),
            why="Ten times next to nothing in the first layer, and far too much in the last.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_BROKEN.having(optimizer_type=Adam, lr=0.003),
            why="It rescales the sum of all gradients so far, which points nowhere useful.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.67, fixed_bound=0.87, margin=0.23
    ),
    shows=(Sign(quantity="input_std"), Sign(quantity="loss", read="last")),
    knobs=(
        Choice(
            name="scaler",
            label="features",
            positions={"raw": None, "scaled": StandardScaler},
            first="raw",
        ),
        Choice(
            name="emptied",
            label="zero_grad in each step",
            positions={"no": False, "yes": True},
            first="no",
        ),
        Choice(
            name="activation",
            label="activation",
            positions={"sigmoid": Sigmoid, "ReLU": ReLU},
            first="sigmoid",
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(scaler=StandardScaler, activation="relu"),
        note="Two of the three: model.fit empties the gradients by itself, so that fault cannot be "
        "written there. The other two are enough.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing; 3. Vanishing gradients"),
        Source(key="D2", title=D2, section="The whole list, one remedy after the other"),
        Source(key="D3", title=D3, section="The whole list, one remedy after the other"),
    ),
    long_diff="It mends three faults in one go; each repair by itself is one line or two.",
)
