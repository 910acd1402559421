"""Too little data: ten rows for ten classes.

The network fits the ten rows without fault, and its training loss goes to zero. Ten images do not
say what a class has in common, only what ten images look like; the rest of the answer comes from
the random first weights. No setting of the training makes up for what was never seen.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, Source


def build(
    seed: int,
    device: str,
    *,
    train_rows: int = 10,
    hidden: int = 64,
    weight_decay: float = 0.0,
    lr: float = 0.005,
    epochs: int = 30,
) -> Setup:
    """Digits, with only some of the training rows in use.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        train_rows: How many rows to train on.
        hidden: Hidden units.
        weight_decay: Weight decay of AdamW.
        lr: Learning rate of AdamW.
        epochs: Passes over the training rows.
    """
    (x, y), val_rows, test_rows = digits(seed)
    rows = tensors((x[:train_rows], y[:train_rows]), device)
    loader = batches(rows, batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """All rows that there are, and SGD."""
    setup = build(seed, device, train_rows=1078)
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.1))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    train_rows: int = 10,
    lr: float = 0.005,
    epochs: int = 15,
) -> Setup:
    """The same few rows in Keras."""
    import keras

    (x, y), val, test = digits(seed)
    rows = (x[:train_rows], y[:train_rows])

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="too-little-data",
    family="data",
    kind="trains",
    question="The training loss is zero, but every second new row comes out wrong. Why?",
    lesson="09_accuracy_that_lies",
    broken=_BROKEN,
    fixed=_BROKEN.having(train_rows=1078),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=300),
            why="The ten rows are learned already; further passes bring nothing new.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=512),
            why="More units do not know more than ten rows say.",
        ),
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=1.0),
            why="It picks a smoother answer among those that fit ten rows, none of them good.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.72, fixed_bound=0.9, margin=0.2
    ),
    shows=(Sign(quantity="label_count"),),
    knobs=(
        Knob(
            name="train_rows",
            label="training rows",
            values=(10, 20, 50, 100, 200, 500, 1078),
            start=1078,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(train_rows=1078),
        note="Keras fails in the same way, in fifteen epochs.",
    ),
    sources=(Source(key="D2", title=D2, section="1. Data issues: insufficient data"),),
)
