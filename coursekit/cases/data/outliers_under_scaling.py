"""Outliers under scaling: two rows in other units, and a scaler that listens to them.

Mean, deviation and range of a feature follow its largest values. Two rows a thousand times too
large set them alone, and all true rows are pressed into one spot: the network sees no
difference between wines. Median and quartiles do not follow two rows; but the two rows are
still a thousand times too large after that, and clipping takes away what they do to training.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts, wine
from coursekit.cases.sources import D0, D1, Source


def build(
    seed: int,
    device: str,
    *,
    scaler: type[Any] = StandardScaler,
    clip: float | None = None,
    lr: float = 0.01,
    epochs: int = 60,
) -> Setup:
    """The wine classifier; two of its 106 training rows are in units a thousand times smaller.

    Args:
        seed: Sets the split, the two rows, the first weights and the order of the batches.
        device: Where model and data live.
        scaler: A scikit-learn scaler, fitted on the training rows.
        clip: Largest absolute value that a scaled feature may have; None for no limit.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_wine(return_X_y=True)  # (178, 13), (178,)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    wrong = np.random.default_rng(seed).choice(len(x), 2, replace=False)
    x[wrong] *= 1000
    scaling = scaler().fit(x)
    x, x_val, x_test = scaling.transform(x), scaling.transform(x_val), scaling.transform(x_test)
    if clip is not None:
        x, x_val, x_test = (np.clip(part, -clip, clip) for part in (x, x_val, x_test))
    loader = batches(tensors((x, y), device), batch_size=16, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Rows in one unit throughout, standardised, and Adam."""
    setup = build(seed, device)
    train_rows, val, test = (tensors(part, device) for part in wine(seed))
    return replace(
        setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003), epochs=30,
        train=batches(train_rows, batch_size=16, seed=seed), val=val, test=test,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    scaler: type[Any] = StandardScaler,
    clip: float | None = None,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras; fewer and longer steps, because an epoch costs more there."""
    import keras

    x, y = load_wine(return_X_y=True)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    wrong = np.random.default_rng(seed).choice(len(x), 2, replace=False)
    x[wrong] *= 1000
    scaling = scaler().fit(x)
    x, x_val, x_test = scaling.transform(x), scaling.transform(x_val), scaling.transform(x_test)
    if clip is not None:
        x, x_val, x_test = (np.clip(part, -clip, clip) for part in (x, x_val, x_test))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((13,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(3)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.05)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    train_rows, val, test = (x, y), (x_val, y_val), (x_test, y_test)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=16,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="outliers-under-scaling",
    family="data",
    kind="trains",
    question="The features are standardised, and still the network learns next to nothing. Why?",
    lesson="08_missing_and_corrupted_data",
    broken=_BROKEN,
    fixed=_BROKEN.having(scaler=RobustScaler, clip=3.0),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="min-max scaling",
            recipe=_BROKEN.having(scaler=MinMaxScaler),
            why="The range is that of the two rows; all others lie within a thousandth of it.",
        ),
        Rival(
            name="standard scaling and clipping",
            recipe=_BROKEN.having(clip=3.0),
            why="The clip comes too late: mean and deviation were those of the two rows.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=180),
            why="The rows stay as close together as the scaler put them.",
        ),
        Rival(
            name="robust scaling without a clip",
            recipe=_BROKEN.having(scaler=RobustScaler),
            why="It hides the cause: true rows are spread again, but the two wrong ones, "
            "hundreds of times larger, still throw the weights about.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.5, fixed_bound=0.75, margin=0.28
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="input_std", read="highest")),
    knobs=(
        Knob(
            name="clip",
            label="largest value of a scaled feature",
            values=(0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1000.0, 10000.0),
            start=3.0,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(scaler=RobustScaler, clip=3.0),
        note="Keras fails in the same way; learning rate 0.05 and fewer epochs.",
    ),
    sources=(
        Source(key="D0", title=D0, section="Feature scaling, second paragraph"),
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
    ),
    finding="The document prefers standard scaling where features have outliers, and two sentences "
    "later calls it sensitive to them. The second is true: two rows of 106 undo it wholly.",
)
