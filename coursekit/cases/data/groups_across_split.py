"""Rows of one group on both sides of the split: the patient is recognised, not the effect.

Each patient is measured five times, and ten treatments are given by lot, so that nothing in
the measurements tells which. A random split puts measurements of one patient into training and
others into validation. The network recognises the patient and recalls the treatment; of a new
patient it knows nothing. Whole patients must go to one side, as in grouped cross-validation.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GroupShuffleSplit
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    split_by: Literal["row", "patient"] = "row",
    weight_decay: float = 0.0,
    dropout: float | None = None,
    lr: float = 0.003,
    epochs: int = 30,
) -> Setup:
    """Treatments that nothing in a patient's measurements decides.

    Args:
        seed: Sets the rows, the split, the first weights and the order of the batches.
        device: Where model and data live.
        split_by: What goes to one side of the split as a whole.
        weight_decay: Weight decay of AdamW.
        dropout: Share of the hidden units that are dropped in training; None has no dropout.
        lr: Learning rate of AdamW.
        epochs: Passes over the training rows.
    """
    x, _ = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)  # no label is seen
    draw = np.random.default_rng(seed)
    patients = np.repeat(np.arange(len(x)), 5)  # five measurements of each
    x = x[patients] + draw.normal(0, 0.2, (len(patients), 30))
    y = draw.integers(0, 10, patients.max() + 1)[patients]  # a treatment given by lot
    known, new = next(GroupShuffleSplit(train_size=0.5, random_state=seed).split(x, y, patients))
    if split_by == "row":
        groups = np.arange(len(known))
    if split_by == "patient":
        groups = patients[known]
    parts = GroupShuffleSplit(test_size=0.4, random_state=seed).split(known, groups=groups)
    rows, val_rows = (known[part] for part in next(parts))
    x, x_val, x_test = (x[part] for part in (rows, val_rows, new))
    y, y_val, y_test = (y[part] for part in (rows, val_rows, new))
    loader = batches(tensors((x, y), device), batch_size=64, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(30, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    if dropout is not None:
        model.insert(2, nn.Dropout(dropout))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Whole patients on one side, and plain gradient descent."""
    setup = build(seed, device, split_by="patient")
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.1))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    split_by: Literal["row", "patient"] = "row",
    epochs: int = 12,
) -> Setup:
    """The same rows and the same network in Keras."""
    import keras

    x, _ = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)  # no label is seen
    draw = np.random.default_rng(seed)
    patients = np.repeat(np.arange(len(x)), 5)  # five measurements of each
    x = x[patients] + draw.normal(0, 0.2, (len(patients), 30))
    y = draw.integers(0, 10, patients.max() + 1)[patients]  # a treatment given by lot
    known, new = next(GroupShuffleSplit(train_size=0.5, random_state=seed).split(x, y, patients))
    if split_by == "row":
        groups = np.arange(len(known))
    if split_by == "patient":
        groups = patients[known]
    parts = GroupShuffleSplit(test_size=0.4, random_state=seed).split(known, groups=groups)
    rows, val_rows = (known[part] for part in next(parts))
    x, x_val, x_test = (x[part] for part in (rows, val_rows, new))
    y, y_val, y_test = (y[part] for part in (rows, val_rows, new))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((30,)), keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)]
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
    name="groups-across-split",
    family="data",
    kind="misjudges",
    question="Validation is five times better than chance, and for new patients it is chance. Why?",
    lesson="07_leakage",
    broken=_BROKEN,
    fixed=_BROKEN.having(split_by="patient"),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.3),
            why="Smaller weights still recognise a patient whom they have seen.",
        ),
        Rival(
            name="dropout",
            recipe=_BROKEN.having(dropout=0.3),
            why="Fewer units at a time still recognise a patient whom they have seen.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.001),
            why="It hides the leak: less of each patient is memorised in the same time.",
        ),
    ),
    claim=Claim(
        score="overestimate", better="lower", broken_bound=0.25, fixed_bound=0.13, margin=0.2
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(split_by="patient"),
        note="The split is made before Keras sees a row.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: data leakage"),
        Source(key="D2", title=D2, section="Data issues: unintentional data leakage"),
    ),
)
