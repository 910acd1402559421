"""A validation split from the end of sorted rows: it holds the classes never trained on.

The rows are stored class by class, and the last fifth is set aside to validate on, as Keras's
``validation_split`` does. That fifth is nines and most of the eights; the network is trained on
the others. The validation accuracy is near zero from the first epoch to the last, and says
nothing about the digits that the network has learned. Shuffling the batches changes nothing:
the split came before.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_estimate, train
from coursekit.cases.rows import batches, tensors
from coursekit.cases.sources import D1, D2, KERAS_FIT, Source


def build(
    seed: int,
    device: str,
    *,
    shuffle_first: bool = False,
    val_share: float = 0.2,
    hidden: int = 64,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """Digits stored class by class; the last part of them is the validation set.

    Args:
        seed: Sets the test rows, the order of the rows, the first weights and the batches.
        device: Where model and data live.
        shuffle_first: Whether the rows are put into a random order before the split.
        val_share: Share of the rows, from the end, to validate on.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    x = x / 16
    rows, test_rows = train_test_split(
        np.arange(len(y)), test_size=0.2, stratify=y, random_state=seed
    )
    rows = rows[np.argsort(y[rows], kind="stable")]
    if shuffle_first:
        rows = np.random.default_rng(seed).permutation(rows)
    train_rows, val_rows = np.split(rows, [round((1 - val_share) * len(rows))])
    loader = batches(
        tensors((x[train_rows], y[train_rows]), device), batch_size=32, seed=seed, shuffle=True
    )
    val = tensors((x[val_rows], y[val_rows]), device)
    test = tensors((x[test_rows], y[test_rows]), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Rows in random order from the start, and Adam."""
    setup = build(seed, device, shuffle_first=True)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    shuffle_first: bool = False,
    lr: float = 0.1,
    epochs: int = 8,
) -> Setup:
    """The same rows in Keras; ``fit`` splits them."""
    import keras

    x, y = load_digits(return_X_y=True)
    x = x / 16
    rows, test_rows = train_test_split(
        np.arange(len(y)), test_size=0.2, stratify=y, random_state=seed
    )
    rows = rows[np.argsort(y[rows], kind="stable")]
    if shuffle_first:
        rows = np.random.default_rng(seed).permutation(rows)
    val_rows = rows[-(len(rows) // 5) :]

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x[rows], y[rows]), val=(x[val_rows], y[val_rows]), test=(x[test_rows], y[test_rows]),
        epochs=epochs, batch_size=32,
    )  # fmt: skip


def train_keras(setup: Setup) -> Iterator[int]:
    """One ``model.fit`` that takes its validation rows from the end."""
    inputs, labels = setup.train
    setup.model.fit(
        inputs, labels, validation_split=0.2,
        batch_size=setup.batch_size, epochs=setup.epochs, verbose=0,
    )  # fmt: skip
    yield setup.epochs


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """The validation accuracy that ``fit`` prints last, and the accuracy on ``test``."""
    estimate = setup.model.history.history["val_accuracy"][-1]
    inputs, labels = setup.test
    truth = setup.model.evaluate(inputs, labels, verbose=0)[1]
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="sorted-validation-split",
    family="data",
    kind="misjudges",
    question="Training goes well, but the validation accuracy stays at zero. Why?",
    lesson="09_accuracy_that_lies",
    broken=_BROKEN,
    fixed=_BROKEN.having(shuffle_first=True),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=40),
            why="No pass over the training rows shows the network a nine.",
        ),
        Rival(
            name="a smaller network",
            recipe=_BROKEN.having(hidden=16),
            why="It looks like overfitting, but less capacity knows nines no better.",
        ),
        Rival(
            name="a larger validation set",
            recipe=_BROKEN.having(val_share=0.3),
            why="The last three tenths hold one class more that is missing from the training.",
        ),
    ),
    claim=Claim(
        score="overestimate", better="higher", broken_bound=-0.6, fixed_bound=-0.14, margin=0.5
    ),
    shows=(Sign(quantity="label_count", layer="9"),),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(shuffle_first=True),
        note="validation_split takes the last rows before fit shuffles: this is Keras's own trap.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Data issues: shuffling issues of data loaders"),
        Source(key="D1", title=D1, section="1. Careful partitioning of the dataset"),
        KERAS_FIT,
    ),
)
