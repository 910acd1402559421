"""Corrupted rows: a decimal point has slipped in five of each hundred training targets.

The features of these rows are sound, so no scaling of features can help. The squared error
counts a target ten times too large a hundred times and more, and the fit bends towards the
slips: all predictions come out too high. The slips stand far outside the other targets, so
that a rule which never looks at the network finds them, and the rows can go.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import (
    evaluate_regression,
    evaluate_regression_keras,
    train,
    train_keras,
)
from coursekit.cases.rows import batches, diabetes, tensors, three_parts
from coursekit.cases.sources import D1, Source


def build(
    seed: int,
    device: str,
    *,
    keep_within: float | None = None,
    hidden: int = 32,
    epochs: int = 30,
) -> Setup:
    """A regression on diabetes; 13 of its 265 training targets are ten times too large.

    Args:
        seed: Sets the split, the wrong rows, the first weights and the order of the batches.
        device: Where model and data live.
        keep_within: Rows whose target is farther from the median than this many spreads (1.4826
            times the median distance, a standard deviation where rows are normal) are dropped;
            None keeps all.
        hidden: Hidden units.
        epochs: Passes over the training rows.
    """
    x, y = load_diabetes(return_X_y=True)  # (442, 10), (442,)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed, classes=False)
    wrong = np.random.default_rng(seed).choice(len(y), len(y) // 20, replace=False)
    y[wrong] *= 10
    if keep_within is not None:
        distance = np.abs(y - np.median(y))
        kept = distance <= keep_within * 1.4826 * np.median(distance)
        x, y = x[kept], y[kept]
    scaler = StandardScaler().fit(x)
    mean, std = y.mean(), y.std()
    loader = batches(
        tensors((scaler.transform(x), (y - mean) / std), device), batch_size=16, seed=seed
    )
    val = tensors((scaler.transform(x_val), (y_val - mean) / std), device)
    test = tensors((scaler.transform(x_test), (y_test - mean) / std), device)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(10, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Flatten(0)
    ).to(device)  # fmt: skip
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_huber(seed: int, device: str) -> Setup:
    """The broken recipe with an error that grows only in proportion to the distance."""
    return replace(build(seed, device), loss_fn=nn.HuberLoss(delta=0.1))


def build_weight_decay(seed: int, device: str) -> Setup:
    """The broken recipe with weight decay."""
    setup = build(seed, device)
    optimizer = torch.optim.AdamW(setup.model.parameters(), lr=0.003, weight_decay=1.0)
    return replace(setup, optimizer=optimizer)


def build_healthy(seed: int, device: str) -> Setup:
    """Targets without a slip, and a linear model."""
    setup = build(seed, device)
    train_rows, val, test = (tensors(part, device) for part in diabetes(seed))
    model = nn.Sequential(nn.Linear(10, 1), nn.Flatten(0)).to(device)
    return replace(
        setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.01),
        train=batches(train_rows, batch_size=16, seed=seed), val=val, test=test,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    keep_within: float | None = None,
    epochs: int = 12,
) -> Setup:
    """The same regression in Keras."""
    import keras

    x, y = load_diabetes(return_X_y=True)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed, classes=False)
    wrong = np.random.default_rng(seed).choice(len(y), len(y) // 20, replace=False)
    y[wrong] *= 10
    if keep_within is not None:
        distance = np.abs(y - np.median(y))
        kept = distance <= keep_within * 1.4826 * np.median(distance)
        x, y = x[kept], y[kept]
    scaler = StandardScaler().fit(x)
    mean, std = y.mean(), y.std()
    val = scaler.transform(x_val), (y_val - mean) / std
    test = scaler.transform(x_test), (y_test - mean) / std
    train_rows = scaler.transform(x), (y - mean) / std

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((10,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
    )
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.Adam(0.005)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=16,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_regression)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_regression_keras)

CASE = Case(
    name="corrupted-rows",
    family="data",
    kind="trains",
    question="The loss jumps in some batches, and the predictions are all too high. Why?",
    lesson="08_missing_and_corrupted_data",
    broken=_BROKEN,
    fixed=_BROKEN.having(keep_within=3.0),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_regression),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=90),
            why="The longer it trains, the more closely it follows the slips.",
        ),
        Rival(
            name="weight decay",
            recipe=Recipe(build=build_weight_decay, train=train, evaluate=evaluate_regression),
            why="It hides the cause: a flatter fit follows the slips less, but their mean as ever.",
        ),
        Rival(
            name="Huber loss",
            recipe=Recipe(build=build_huber, train=train, evaluate=evaluate_regression),
            why="It hides the cause: each slip pulls less, but the wrong rows stay in the data, "
            "and in the scale of the targets.",
        ),
    ),
    claim=Claim(score="test_r2", better="higher", broken_bound=-0.1, fixed_bound=0.1, margin=0.4),
    shows=(Sign(quantity="loss", read="highest"),),
    knobs=(
        Knob(
            name="keep_within",
            label="rows kept: spreads from the median",
            values=(0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0),
            start=3.0,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(keep_within=3.0),
        note="Keras fails in the same way; learning rate 0.005 and fewer epochs.",
    ),
    sources=(Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),),
    finding="The document says that corrupted rows make the loss jump at random. It jumps, and not "
    "at random: in the batches that hold one. On sound rows the predictions are off throughout.",
)
