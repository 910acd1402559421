"""A batch too small for its learning rate: one row a step, each step as long as for many.

The gradient of one row points where that row wants to go; the mean of 32 points much more often
where all rows want to go, and the single pulls cancel. At a learning rate that suits 32 rows, one
row throws the weights so far that the hidden units die: no row switches them on, no gradient
reaches them, and the network answers with the class frequencies from then on.
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
    batch_size: int = 1,
    hidden: int = 64,
    momentum: float = 0.0,
    lr: float = 0.5,
    epochs: int = 5,
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
    """Batches of usual size and Adam: the textbook run on these rows."""
    setup = build(seed, device, batch_size=32, epochs=10)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    batch_size: int = 2,
    lr: float = 0.8,
    epochs: int = 3,
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
    name="batch-too-small",
    family="data",
    kind="trains",
    question="The loss jumps about for a few batches and then stays at 2.3. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=_BROKEN.having(batch_size=32),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="half the learning rate",
            recipe=_BROKEN.having(lr=0.25),
            why="It hides the cause: the units live, but each row still throws the weights.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="More units see the same one row, and die of the same step.",
        ),
        Rival(
            name="momentum",
            recipe=_BROKEN.having(momentum=0.9),
            why="It averages over steps, but makes each of them ten times as long in the end.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.6, margin=0.4
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="dead_fraction", read="last")),
    knobs=(
        Knob(
            name="batch_size",
            label="rows in a batch",
            values=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1078),
            start=32,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(batch_size=32),
        claim=Claim(
            score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.7, margin=0.4
        ),
        note="Keras fails in the same way; two rows a batch and three epochs, because it pays for "
        "each batch.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Data issues: incorrect batch sizes"),
        GOYAL_2017,
    ),
)
