"""Duplicated rows on both sides of the split: memory is taken for skill.

The labels are shuffled, so there is nothing to learn and the truth is one in ten. Every row
occurs three times, as in a table that was joined once too often. A random split puts one copy
of a row into training and another into validation; a network that has learned the training rows by
heart knows those validation rows too.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors
from coursekit.cases.sources import D1, D2, KAUFMAN_2012, Source


def build(
    seed: int,
    device: str,
    *,
    drop_duplicates: bool = False,
    copies: int = 3,
    weight_decay: float = 0.0,
    dropout: float | None = None,
    val_share: float = 0.4,
    epochs: int = 30,
) -> Setup:
    """Digits with shuffled labels, each row there more than once.

    Args:
        seed: Sets the labels, the split, the first weights and the order of the batches.
        device: Where model and data live.
        drop_duplicates: True keeps one of each row before the split.
        copies: How often each row occurs.
        weight_decay: Weight decay of AdamW.
        dropout: Share of the hidden units that are dropped in training; None has no dropout.
        val_share: Share of the table that is set aside for validation.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    y = np.random.default_rng(seed).permutation(y)  # nothing to learn
    x, x_test, y, y_test = train_test_split(x / 8 - 1, y, train_size=500, random_state=seed)
    x, y = np.tile(x, (copies, 1)), np.tile(y, copies)
    if drop_duplicates:
        x, first = np.unique(x, axis=0, return_index=True)
        y = y[first]
    x, x_val, y, y_val = train_test_split(x, y, test_size=val_share, random_state=seed)
    loader = batches(tensors((x, y), device), batch_size=32, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)).to(device)
    if dropout is not None:
        model.insert(2, nn.Dropout(dropout))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """A table in which each row stands once, and plain gradient descent."""
    setup = build(seed, device, copies=1)
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.3))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    drop_duplicates: bool = False,
    copies: int = 3,
    epochs: int = 15,
) -> Setup:
    """The same table in Keras, and a wider network that learns it by heart in fewer epochs."""
    import keras

    x, y = load_digits(return_X_y=True)
    y = np.random.default_rng(seed).permutation(y)  # nothing to learn
    x, x_test, y, y_test = train_test_split(x / 8 - 1, y, train_size=500, random_state=seed)
    x, y = np.tile(x, (copies, 1)), np.tile(y, copies)
    if drop_duplicates:
        x, first = np.unique(x, axis=0, return_index=True)
        y = y[first]
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.4, random_state=seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y), val=(x_val, y_val), test=(x_test, y_test), epochs=epochs, batch_size=64,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_estimate_keras)

CASE = Case(
    name="duplicates-across-split",
    family="data",
    kind="misjudges",
    question="The labels were shuffled by mistake, yet validation finds the model good. Why?",
    lesson="07_leakage",
    broken=_BROKEN,
    fixed=_BROKEN.having(drop_duplicates=True),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="dropout",
            recipe=_BROKEN.having(dropout=0.3),
            why="Rows that are learned by heart more slowly are still the rows of the validation.",
        ),
        Rival(
            name="a smaller validation part",
            recipe=_BROKEN.having(val_share=0.2),
            why="More of the validation rows then have their copy in training.",
        ),
        Rival(
            name="stopping early",
            recipe=_BROKEN.having(epochs=10),
            why="It hides the leak: a network that has memorised less is right on fewer copies.",
        ),
    ),
    claim=Claim(
        score="overestimate", better="lower", broken_bound=0.4, fixed_bound=0.12, margin=0.3
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="weight_norm", read="last")),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(drop_duplicates=True),
        note="The copies are in the table before Keras sees it.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: data leakage"),
        Source(key="D2", title=D2, section="Data issues: unintentional data leakage"),
        KAUFMAN_2012,
    ),
)
