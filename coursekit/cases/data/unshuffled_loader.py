"""An unshuffled loader: rows stored class by class, and read in the order of the file.

Each batch then holds one class. A step towards "everything is a 3" lowers the loss of all
batches of threes, and the next class undoes it: at a learning rate that is right for mixed
batches, the network forgets the first classes before the epoch ends. The printed training loss
is low all the while, because each batch is judged just after its neighbours taught the answer.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, Source


def build(
    seed: int,
    device: str,
    *,
    shuffle: bool = False,
    hidden: int = 64,
    lr: float = 0.3,
    batch_size: int = 32,
    epochs: int = 10,
) -> Setup:
    """Digits whose training rows are stored class by class.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        shuffle: Whether the loader draws a new order in each epoch.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        batch_size: Rows in a batch.
        epochs: Passes over the training rows.
    """
    (x, y), val_rows, test_rows = digits(seed)
    by_class = np.argsort(y, kind="stable")
    rows = tensors((x[by_class], y[by_class]), device)
    loader = batches(rows, batch_size=batch_size, seed=seed, shuffle=shuffle)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str) -> Setup:
    """The same ordered rows with Adam at its usual rate."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.001))


def build_healthy(seed: int, device: str) -> Setup:
    """Shuffled batches and Adam: the textbook run on these rows."""
    setup = build(seed, device, shuffle=True)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    lr: float = 0.3,
    epochs: int = 8,
) -> Setup:
    """The same ordered rows in Keras."""
    import keras

    (x, y), val, test = digits(seed)
    by_class = np.argsort(y, kind="stable")

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x[by_class], y[by_class]), val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


def train_in_order_keras(setup: Setup) -> Iterator[int]:
    """One ``model.fit`` that reads the rows as they stand."""
    inputs, labels = setup.train
    setup.model.fit(
        inputs, labels, shuffle=False,
        batch_size=setup.batch_size, epochs=setup.epochs, verbose=0,
    )  # fmt: skip
    yield setup.epochs


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)

CASE = Case(
    name="unshuffled-loader",
    family="data",
    kind="trains",
    question="The loss of the last batches is near zero, yet most digits come out wrong. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=_BROKEN.having(shuffle=True),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="It has room for all classes, but each batch still overwrites what it shares.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.03),
            why="Smaller steps forget less and learn less; the batches still hold one class each.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=40),
            why="It hides the cause at four times the price: shuffled rows need ten epochs.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate),
            why="Its small steps of even size hide the cause: each class undoes less of the last.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.51, fixed_bound=0.85, margin=0.39
    ),
    shows=(
        Sign(quantity="label_count", layer="0"),
        Sign(quantity="loss", read="highest"),
    ),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=Recipe(build=build_keras, train=train_in_order_keras, evaluate=evaluate_keras),
        fixed=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras),
        note=(
            "Keras's fit shuffles arrays unless told not to, and never a tf.data dataset: "
            "there the order of the file stays, as with shuffle=False here."
        ),
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Data issues: shuffling issues of data loaders"),
    ),
)
