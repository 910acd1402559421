"""Augmentation before the split: a blurred copy of the answer key.

Half of the labels are drawn by lot here, in validation and in use as well, so no model can agree
with much more than half of them. Each image is copied five times with a little noise, and the
copies inherit its label, right or wrong. Split after that, copies of one image lie on both
sides: a network that has memorised the mistakes is rewarded for them.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors
from coursekit.cases.sources import D1, D2, Source


def noisy(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.int64], copies: int, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Several copies of each row, each with its own noise, and their labels."""
    x, y = np.tile(x, (copies, 1)), np.tile(y, copies)
    return x + np.random.default_rng(seed).normal(0, 0.1, x.shape), y


def build(
    seed: int,
    device: str,
    *,
    augment: Literal["before_split", "after_split"] = "before_split",
    copies: int = 5,
    weight_decay: float = 0.0,
    dropout: float | None = None,
    lr: float = 0.003,
    epochs: int = 25,
) -> Setup:
    """Digits with wrong labels, and noisy copies of them.

    Args:
        seed: Sets the rows, the split, the first weights and the order of the batches.
        device: Where model and data live.
        augment: Whether the images are copied before the split, or the training part after it.
        copies: How many noisy copies of an image there are.
        weight_decay: Weight decay of AdamW.
        dropout: Share of the hidden units that are dropped in training; None has no dropout.
        lr: Learning rate of AdamW.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    draw = np.random.default_rng(seed)
    y = np.where(draw.random(len(y)) < 0.5, draw.integers(0, 10, len(y)), y)  # half by lot
    x, x_test, y, y_test = train_test_split(x / 8 - 1, y, train_size=600, random_state=seed)
    if augment == "before_split":
        x, y = noisy(x, y, copies, seed)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.5, random_state=seed)
    if augment == "after_split":
        x, y = noisy(x, y, copies, seed)
    loader = batches(tensors((x, y), device), batch_size=64, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    if dropout is not None:
        model.insert(2, nn.Dropout(dropout))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """One copy of each image, so that none can lie on both sides; plain gradient descent."""
    setup = build(seed, device, copies=1)
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.1))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    augment: Literal["before_split", "after_split"] = "before_split",
    copies: int = 5,
    epochs: int = 12,
) -> Setup:
    """The same rows and the same network in Keras."""
    import keras

    x, y = load_digits(return_X_y=True)
    draw = np.random.default_rng(seed)
    y = np.where(draw.random(len(y)) < 0.5, draw.integers(0, 10, len(y)), y)  # half by lot
    x, x_test, y, y_test = train_test_split(x / 8 - 1, y, train_size=600, random_state=seed)
    if augment == "before_split":
        x, y = noisy(x, y, copies, seed)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.5, random_state=seed)
    if augment == "after_split":
        x, y = noisy(x, y, copies, seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.005)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y), val=(x_val, y_val), test=(x_test, y_test), epochs=epochs, batch_size=64,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_estimate_keras)

CASE = Case(
    name="augmented-before-split",
    family="data",
    kind="misjudges",
    question="Validation is far better than what new images give. The split was random. Why?",
    lesson="07_leakage",
    broken=_BROKEN,
    fixed=_BROKEN.having(augment="after_split"),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.3),
            why="The copies are on both sides of the split, however small the weights are.",
        ),
        Rival(
            name="dropout",
            recipe=_BROKEN.having(dropout=0.3),
            why="It slows the memorising, and the copies that it is tested on remain.",
        ),
        Rival(
            name="stopping early",
            recipe=_BROKEN.having(epochs=3),
            why="It hides the leak: a network that has memorised less gains less from a copy.",
        ),
    ),
    claim=Claim(
        score="overestimate", better="lower", broken_bound=0.25, fixed_bound=0.12, margin=0.2
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(augment="after_split"),
        note="The copies are in the table before Keras sees it.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: data leakage"),
        Source(key="D2", title=D2, section="Data issues: unintentional data leakage"),
    ),
)
