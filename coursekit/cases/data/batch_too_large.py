"""A batch too large: all training rows in one step, and only as many steps as epochs.

An epoch passes every row once, whatever the size of the batch. With 32 rows in a batch that makes
34 updates, with all of them one. The gradient of the full batch is more exact, but hardly longer,
so each update moves the weights about as far as a small batch does. Fifteen epochs are then
fifteen steps: the loss falls, and the training ends long before it is done.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, GOYAL_2017, Source


def build(
    seed: int,
    device: str,
    *,
    batch_size: int = 1078,
    hidden: int = 64,
    momentum: float = 0.0,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """Digits in batches of a chosen size.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        batch_size: Rows in a batch; there are 1,078 training rows.
        hidden: Hidden units.
        momentum: Momentum of SGD.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(rows, device), batch_size=batch_size, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Small batches and Adam: the textbook run on these rows."""
    setup = build(seed, device, batch_size=64)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    batch_size: int = 1078,
    lr: float = 0.1,
    epochs: int = 8,
) -> Setup:
    """The same batches in Keras."""
    import keras

    rows, val, test = digits(seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=batch_size,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="batch-too-large",
    family="data",
    kind="trains",
    question="The loss falls without a jump, but the epochs run out far too soon. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=_BROKEN.having(batch_size=32),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.01),
            why="There are fifteen steps, and now each is shorter still.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="It hides the cause: each step gets further; there are still only fifteen.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=200),
            why="It hides the cause: the missing updates come, for thirteen times the computation.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.65, fixed_bound=0.87, margin=0.28
    ),
    shows=(Sign(quantity="label_count"), Sign(quantity="loss", read="last")),
    knobs=(
        Knob(
            name="batch_size",
            label="rows in a batch",
            values=(2, 4, 8, 16, 32, 64, 128, 256, 512, 1078),
            start=32,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(batch_size=32),
        note="Keras fails in the same way; eight epochs make eight steps.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Data issues: incorrect batch sizes"),
        GOYAL_2017,
    ),
)
