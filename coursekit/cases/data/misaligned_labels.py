"""Misaligned labels: the rows are shuffled, and their labels are not.

Each image keeps some label, but another image's. Nothing looks wrong: shapes, ranges and class
counts are those of the true data. There is just nothing to learn that would hold for new rows.
The network first settles at the class frequencies; given time, it learns the pairs by heart, so
that the training loss falls and the accuracy on held-out rows stays at chance.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, ZHANG_2017, Source


def build(
    seed: int,
    device: str,
    *,
    labels_move: bool = False,
    train_rows: int = 1078,
    hidden: int = 64,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """Digits whose training rows are put into a new order first.

    Args:
        seed: Sets the split, the order of the rows, the first weights and the batches.
        device: Where model and data live.
        labels_move: Whether the labels are put into the same order as the images.
        train_rows: How many rows to train on.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    (x, y), val_rows, test_rows = digits(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    x = x[order]
    if labels_move:
        y = y[order]
    rows = tensors((x[:train_rows], y[:train_rows]), device)
    loader = batches(rows, batch_size=32, seed=seed)
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
    """The misaligned rows with Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_healthy(seed: int, device: str) -> Setup:
    """Rows that nobody reordered, each with its own label, and Adam."""
    setup = build(seed, device)
    loader = batches(tensors(digits(seed)[0], device), batch_size=32, seed=seed)
    adam = torch.optim.Adam(setup.model.parameters(), lr=0.003)
    return replace(setup, train=loader, optimizer=adam)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    labels_move: bool = False,
    lr: float = 0.1,
    epochs: int = 8,
) -> Setup:
    """The same rows in Keras."""
    import keras

    (x, y), val, test = digits(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    x = x[order]
    if labels_move:
        y = y[order]

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y), val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="misaligned-labels",
    family="data",
    kind="trains",
    question="Shapes, ranges and class counts are right, yet accuracy stays at chance. Why?",
    lesson="08_missing_and_corrupted_data",
    broken=_BROKEN,
    fixed=_BROKEN.having(labels_move=True),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="More weights learn more wrong pairs by heart.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The training loss falls further, because the wrong pairs are memorised.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate),
            why="A better optimizer fits labels that have nothing to do with their images.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.83, margin=0.55
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="train_rows",
            label="training rows",
            values=(50, 100, 200, 400, 800, 1078),
            start=1078,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(labels_move=True),
        note="Keras fails in the same way, in eight epochs instead of fifteen.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: corrupted data"),
        ZHANG_2017,
    ),
)
