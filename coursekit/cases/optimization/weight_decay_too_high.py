"""Weight decay too high: the weights shrink faster than the data can make them grow.

In each step SGD takes ``lr * weight_decay`` of every weight away. In a network of several layers
the gradient of one layer is in proportion to the weights of the others. So when all shrink, the
pull of the data shrinks faster than they do, and the weights run into zero: the network then
gives every row the class frequencies. This is no mild form of underfitting; it is a collapse.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    weight_decay: float = 0.0005,
    hidden: int = 64,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """A network of three weight layers on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        weight_decay: What SGD adds to a gradient, as a share of the weight.
        hidden: Units in each of the two hidden layers.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, 10),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Adam, and no weight decay at all."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_adamw(seed: int, device: str) -> Setup:
    """The same weight decay in AdamW."""
    setup = build(seed, device)
    optimizer = torch.optim.AdamW(setup.model.parameters(), lr=0.003, weight_decay=0.1)
    return replace(setup, optimizer=optimizer)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    weight_decay: float = 0.0005,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """The same network in Keras."""
    import keras

    parts = digits(seed)
    keras.utils.set_random_seed(seed)
    body = [keras.layers.Dense(64, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((64,)), *body, keras.layers.Dense(10)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr, weight_decay=weight_decay)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(weight_decay=0.1)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="weight-decay-too-high",
    family="optimization",
    kind="trains",
    question="I added regularisation, and now every row gets the same answer. Why?",
    lesson="10_capacity_and_overfitting",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=0.5),
            why="SGD multiplies the decay by the learning rate too, so both grow alike.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The weights have settled at zero, and the data no longer pulls on them.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="Every one of the new weights shrinks at the same rate.",
        ),
        Rival(
            name="AdamW in place of SGD",
            recipe=Recipe(build=build_adamw, train=train, evaluate=evaluate),
            why="At its small learning rate the same decay takes away far less a step, while "
            "its steps do not shrink with the gradient: that hides the cause.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.75, margin=0.45
    ),
    shows=(Sign(quantity="weight_norm", read="last"), Sign(quantity="loss", read="last")),
    knobs=(
        Knob(
            name="weight_decay",
            label="weight decay",
            values=(0.0, 0.0001, 0.0005, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
            start=0.0005,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(weight_decay=0.3),
        fixed=_KERAS,
        note="Glorot weights start larger, so the collapse takes a decay of .3 here.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer misconfigurations: weight decay"),
        Source(key="D2", title=D2, section="1. Optimization strategy issues: regularization"),
    ),
)
