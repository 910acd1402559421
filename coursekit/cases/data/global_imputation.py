"""Global imputation: one mean for thirteen columns of different units.

A tenth of the wine table is missing. ``np.nanmean(x)`` is one number for the whole table,
about 69, because proline in the hundreds and magnesium near a hundred make it so. As a hue,
which lies near 1, it is far off any wine; the scaler then sees a column of a few huge
numbers and presses the real hues together until nothing of them is left.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    axis: int | None = None,
    missing: float = 0.1,
    hidden: int = 32,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """The wine classifier on a table with holes.

    Args:
        seed: Sets the holes, the split, the first weights and the order of the batches.
        device: Where model and data live.
        axis: 0 fills each column with its own mean, None all with the mean of the table.
        missing: Share of the table that is missing.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_wine(return_X_y=True)  # (178, 13), (178,)
    x[np.random.default_rng(seed).random(x.shape) < missing] = np.nan
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    fill = np.nanmean(x, axis=axis)
    x, x_val, x_test = (np.where(np.isnan(part), fill, part) for part in (x, x_val, x_test))
    scaler = StandardScaler().fit(x)
    loader = batches(tensors((scaler.transform(x), y), device), batch_size=16, seed=seed)
    val = tensors((scaler.transform(x_val), y_val), device)
    test = tensors((scaler.transform(x_test), y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(13, hidden), nn.ReLU(), nn.Linear(hidden, 3)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Each column filled with its own mean from the start, and Adam."""
    setup = build(seed, device, axis=0)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.01))


def build_adam(seed: int, device: str) -> Setup:
    """The mean of the table, and Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    axis: int | None = None,
    missing: float = 0.1,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """The same table and the same network in Keras."""
    import keras

    x, y = load_wine(return_X_y=True)  # (178, 13), (178,)
    x[np.random.default_rng(seed).random(x.shape) < missing] = np.nan
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    fill = np.nanmean(x, axis=axis)
    x, x_val, x_test = (np.where(np.isnan(part), fill, part) for part in (x, x_val, x_test))
    scaler = StandardScaler().fit(x)
    x, x_val, x_test = (scaler.transform(part) for part in (x, x_val, x_test))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((13,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(3)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y), val=(x_val, y_val), test=(x_test, y_test), epochs=epochs, batch_size=16,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="global-imputation",
    family="data",
    kind="trains",
    question="The missing values are filled, the data are scaled, and it still learns little. Why?",
    lesson="08_missing_and_corrupted_data",
    broken=_BROKEN,
    fixed=_BROKEN.having(axis=0),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=60),
            why="What the filled values have pressed together stays so, however long one looks.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="More units see the same columns, in which the real differences are tiny.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate),
            why="It rescales the steps, not the columns.",
        ),
    ),
    claim=Claim(
        score="test_accuracy",
        better="higher",
        broken_bound=0.83,
        fixed_bound=0.84,
        margin=0.03,
        reason="The test part has 36 rows, so one row moves the accuracy by .03.",
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="missing",
            label="share of the table that is missing",
            values=(0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9),
            start=0.1,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(axis=0),
        claim=Claim(
            score="test_accuracy",
            better="higher",
            broken_bound=0.82,
            fixed_bound=0.83,
            margin=0.05,
            reason="The test part has 36 rows, so one row moves the accuracy by .03.",
        ),
        note="The table is filled before Keras sees it.",
    ),
    sources=(
        Source(key="D1", title=D1, section="Example 3: handling missing data (imputation)"),
        Source(key="D2", title=D2, section="Data issues: missing values handled inappropriately"),
    ),
    finding="D1's example fills every hole with np.nanmean(data), one number for all columns. "
    "That is harmless only where all columns share a unit, as the pixels of digits do.",
)
