"""Saturated activations: weights so large that every tanh says plus or minus one.

Weights with a standard deviation of 1 add 64 inputs up to a number of size 8. There tanh is flat:
three units in four say ±1, with a slope near 0. In the units that are left, the same weights
multiply the gradient, so the first steps are far too large and push these units over as well.
From then on next to nothing comes back to the first layers: they stay as that accident left
them, and the last one sees almost the same row every time. Weights of size 1/√64 keep the
sums near 1, where tanh bends but is not flat.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import ReLU, Tanh
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D3, GLOROT_2010, Source


def build(
    seed: int,
    device: str,
    *,
    weight_std: float = 1.0,
    activation: type[nn.Module] = Tanh,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 0.05,
    epochs: int = 12,
) -> Setup:
    """A classifier of digits with eight hidden layers.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        weight_std: Standard deviation of the first weights.
        activation: What follows each hidden layer.
        optimizer_type: SGD, or what shall take its place.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    train_rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(train_rows, device), batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    hidden = [layer for _ in range(8) for layer in (nn.Linear(64, 64), activation())]
    model = nn.Sequential(*hidden, nn.Linear(64, 10)).to(device)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=weight_std)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optimizer_type(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    weight_std: float = 1.0,
    lr: float = 0.05,
    epochs: int = 12,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,))])
    for units, activation in [*[(64, "tanh")] * 8, (10, None)]:
        normal = keras.initializers.RandomNormal(stddev=weight_std)
        model.add(keras.layers.Dense(units, activation=activation, kernel_initializer=normal))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="saturated-activations",
    family="architecture",
    kind="trains",
    question="The loss jumps about in the first epoch and then stays at chance. Why?",
    lesson="04_vanishing_gradients",
    broken=_BROKEN,
    fixed=_BROKEN.having(weight_std=0.125),
    healthy=_BROKEN.having(weight_std=0.177, activation=ReLU, optimizer_type=Adam, lr=0.001),
    rivals=(
        Rival(
            name="Adam in place of SGD",
            recipe=_BROKEN.having(optimizer_type=Adam, lr=0.001),
            why="It steps by a thousandth where the sums must come down by several units.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.002),
            why="It spares the units that are not flat; the flat ones pass on nothing useful.",
        ),
        Rival(
            name="three times the epochs",
            recipe=_BROKEN.having(epochs=36),
            why="A unit that is flat for every row gets no gradient in any epoch.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.6, fixed_bound=0.76, margin=0.3
    ),
    shows=(
        Sign(quantity="saturated_fraction", read="first"),
        Sign(quantity="gradient_norm", read="first", layer="0"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="weight_std",
            label="standard deviation of the first weights",
            values=(0.03, 0.06, 0.125, 0.25, 0.5, 1.0, 2.0),
            start=0.125,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(weight_std=0.125),
        note="Keras draws such weights only when told to; its default, Glorot, is the repair.",
    ),
    sources=(
        Source(key="D3", title=D3, section="The paragraph on poorly scaled input data"),
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
        GLOROT_2010,
    ),
)
