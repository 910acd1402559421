"""Raw test set: training and validation rows were standardised, the rows in use were not.

The network learnt from features between about −3 and 3. In use the area of a nucleus arrives
as 650. One feature then outweighs the other twenty-nine, and the network gives every row the
same answer. Training is not touched: loss, gradients and validation are those of a sound run.
"""

from dataclasses import replace

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D0, D1, Source


def build(
    seed: int,
    device: str,
    *,
    scale_test: bool = False,
    hidden: int = 32,
    weight_decay: float = 0.0,
    epochs: int = 15,
) -> Setup:
    """A classifier of breast masses whose test rows are those that come in use.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        scale_test: Whether the test rows go through the scaler too.
        hidden: Hidden units.
        weight_decay: Of the optimizer.
        epochs: Passes over the training rows.
    """
    x, y = load_breast_cancer(return_X_y=True)  # (569, 30), (569,)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    scaler = StandardScaler().fit(x)
    x, x_val = scaler.transform(x), scaler.transform(x_val)
    if scale_test:
        x_test = scaler.transform(x_test)
    loader = batches(tensors((x, y), device), batch_size=16, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(30, hidden), nn.ReLU(), nn.Linear(hidden, 2)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_batchnorm(seed: int, device: str) -> Setup:
    """The broken recipe with a BatchNorm layer before the network."""
    setup = build(seed, device)
    model = nn.Sequential(nn.BatchNorm1d(30), *setup.model).to(device)
    return replace(setup, model=model, optimizer=torch.optim.AdamW(model.parameters(), lr=0.003))


def build_healthy(seed: int, device: str) -> Setup:
    """Raw rows everywhere; the scale is a layer of the model, so that it cannot be left behind."""
    x, y = load_breast_cancer(return_X_y=True)
    parts = three_parts(x, y, seed)
    train_rows, val, test = (tensors(part, device) for part in parts)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.BatchNorm1d(30), nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2))
    model = model.to(device)
    return Setup(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=0.003),
        train=batches(train_rows, batch_size=16, seed=seed),
        val=val,
        test=test,
        epochs=15,
    )


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    scale_test: bool = False,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    x, y = load_breast_cancer(return_X_y=True)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    scaler = StandardScaler().fit(x)
    x, x_val = scaler.transform(x), scaler.transform(x_val)
    if scale_test:
        x_test = scaler.transform(x_test)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((30,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(2)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    train_rows, val, test = (x, y), (x_val, y_val), (x_test, y_test)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_estimate_keras)

CASE = Case(
    name="raw-test-set",
    family="data",
    kind="misjudges",
    question="Validation accuracy is excellent, and in use every row gets the same answer. Why?",
    lesson="02_mismatched_transforms",
    broken=_BROKEN,
    fixed=_BROKEN.having(scale_test=True),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="weight decay against overfitting",
            recipe=_BROKEN.having(weight_decay=0.1),
            why="Nothing is overfitted: validation rows are as new to the network as test rows.",
        ),
        Rival(
            name="a smaller network",
            recipe=_BROKEN.having(hidden=8),
            why="A network of any size gets features that are hundreds of times too large.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=45),
            why="Training is sound already; more of it never shows the network a raw row.",
        ),
        Rival(
            name="BatchNorm on the input",
            recipe=Recipe(build=build_batchnorm, train=train, evaluate=evaluate_estimate),
            why="Its running averages come from the scaled rows, so in use it passes raw ones on.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.6, fixed_bound=0.84, margin=0.35),
    shows=(),  # training is the same run, bit for bit: only the rows in use differ
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(scale_test=True),
        note="Keras fails in the same way; a Normalization layer in the model would prevent it.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
        Source(key="D0", title=D0, section="Example 1: feature scaling with standard scaling"),
    ),
    finding="The documents say that mismatched scaling unsettles training and its gradients. Here "
    "training is the identical run; only what is computed from the raw rows is wrong.",
)
