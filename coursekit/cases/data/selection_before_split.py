"""Feature selection before the split: an estimate made of chance.

Every label here is drawn by lot, so no model can be right more often than one time in ten.
But among 6,144 features some fit the labels of these 250 rows by chance. Whoever picks those
with the validation rows in view picks the ones that fit the validation labels too, and the
network finds again what the selection has put there. Rows that were not in view know nothing
of it.
"""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_sample_images
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.sources import AMBROISE_2002, D1, D2, Source

SIDE = 32  # pixels
CLASSES = 10


def brightness_steps() -> npt.NDArray[Any]:
    """Squares of the two sample photographs: is a pixel brighter than the one before, and above?

    Returns:
        1, 0 or −1 for each pixel, colour and direction, shape (squares, 6144).
    """
    squares = []
    for photo in load_sample_images().images:  # (427, 640, 3)
        photo = photo.astype(int)
        steps = np.sign([np.diff(photo, axis=0)[:, 1:], np.diff(photo, axis=1)[1:]])
        high, wide = steps.shape[1] // SIDE, steps.shape[2] // SIDE
        grid = steps[:, : high * SIDE, : wide * SIDE].reshape(2, high, SIDE, wide, SIDE, 3)
        squares.append(grid.transpose(1, 3, 0, 2, 4, 5).reshape(high * wide, -1))
    return np.concatenate(squares)


def build(
    seed: int,
    device: str,
    *,
    select_on: Literal["train_and_val", "train"] | None = "train_and_val",
    kept: int = 600,
    weight_decay: float = 0.0,
    hidden: int = 32,
    epochs: int = 15,
) -> Setup:
    """A network for ten classes that nothing in the photographs decides.

    Args:
        seed: Sets the labels, the split, the first weights and the order of the batches.
        device: Where model and data live.
        select_on: The rows whose labels choose the features; None keeps all features.
        kept: How many features are kept.
        weight_decay: Weight decay of AdamW.
        hidden: Hidden units.
        epochs: Passes over the training rows.
    """
    photos = np.stack(load_sample_images().images).astype(int)
    steps = np.sign([np.diff(photos, axis=1)[:, :, 1:], np.diff(photos, axis=2)[:, 1:]])
    squares = steps[:, :, :416, :608].reshape(2, 2, 13, 32, 19, 32, 3)
    table = squares.transpose(1, 2, 4, 0, 3, 5, 6).reshape(494, 6144)
    drawn = np.random.default_rng(seed).permutation(np.arange(494) % 10)
    known, new = train_test_split(np.arange(494), train_size=250, stratify=drawn, random_state=seed)
    rows, val_rows = train_test_split(
        known, train_size=100, stratify=drawn[known], random_state=seed
    )
    if select_on == "train_and_val":
        table = SelectKBest(k=kept).fit(table[known], drawn[known]).transform(table)
    if select_on == "train":
        table = SelectKBest(k=kept).fit(table[rows], drawn[rows]).transform(table)
    x = torch.tensor(table, dtype=torch.float32, device=device)
    y = torch.tensor(drawn, device=device)
    data, order = TensorDataset(x[rows], y[rows]), torch.Generator().manual_seed(seed)
    loader = DataLoader(data, batch_size=32, shuffle=True, generator=order)
    val, test = TensorDataset(x[val_rows], y[val_rows]), TensorDataset(x[new], y[new])
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, 10)
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """All features, and plain gradient descent."""
    setup = build(seed, device, select_on=None)
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.03))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    select_on: Literal["train_and_val", "train"] = "train_and_val",
    kept: int = 600,
    epochs: int = 15,
) -> Setup:
    """The same selection and the same network in Keras."""
    import keras

    x = brightness_steps()
    y = np.random.default_rng(seed).permutation(np.arange(len(x)) % CLASSES)  # drawn by lot
    known, test_rows = train_test_split(
        np.arange(len(y)), train_size=250, stratify=y, random_state=seed
    )
    rows, val_rows = train_test_split(known, train_size=100, stratify=y[known], random_state=seed)
    if select_on == "train_and_val":
        x = SelectKBest(k=kept).fit(x[known], y[known]).transform(x)
    if select_on == "train":
        x = SelectKBest(k=kept).fit(x[rows], y[rows]).transform(x)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((kept,)),
            keras.layers.Dense(32, activation="relu", kernel_initializer="random_uniform"),
            keras.layers.Dense(CLASSES),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.005)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x[rows], y[rows]), val=(x[val_rows], y[val_rows]), test=(x[test_rows], y[test_rows]),
        epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_estimate_keras)

CASE = Case(
    name="selection-before-split",
    family="data",
    kind="misjudges",
    question="Validation says five times better than chance, and new rows say chance. Why?",
    lesson="07_leakage",
    broken=_BROKEN,
    fixed=_BROKEN.having(select_on="train"),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=1.0),
            why="The network is right to use these features: they do fit the validation labels.",
        ),
        Rival(
            name="fewer features",
            recipe=_BROKEN.having(kept=150),
            why="The best 150 are chosen with the validation labels in view as well.",
        ),
        Rival(
            name="a smaller network",
            recipe=_BROKEN.having(hidden=8),
            why="What leaks is in the columns; eight hidden units read less of them, and lie less.",
        ),
    ),
    claim=Claim(
        score="overestimate", better="lower", broken_bound=0.27, fixed_bound=0.12, margin=0.2
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(name="kept", label="columns kept", values=(20, 60, 200, 600, 2000, 6000), start=600),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(select_on="train"),
        claim=Claim(
            score="overestimate",
            better="lower",
            broken_bound=0.2,
            fixed_bound=0.15,
            margin=0.08,
            reason="Fifteen epochs leave a run in twenty half learnt; the others are .35 and more.",
        ),
        note="Keras sees the same columns; Glorot's larger first weights would leave .3 of the .4.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: data leakage"),
        Source(key="D2", title=D2, section="Data issues: unintentional data leakage"),
        AMBROISE_2002,
    ),
)
