"""Unscaled features: thirteen measurements of wine, one of them in the hundreds.

Proline (hundreds of mg/l) dwarfs the other twelve features. The first updates overshoot along
it, push every hidden unit below zero for all rows, and a dead ReLU gets no gradient: the
network can only move its last bias, and settles at the class frequencies.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.sources import D1, D2, D3, LECUN_1998, Source

PROLINE = 12


def build(
    seed: int,
    device: str,
    *,
    scaler: type[StandardScaler] | None = None,
    proline_spread: float | None = None,
    hidden: int = 32,
    lr: float = 0.01,
    epochs: int = 60,
) -> Setup:
    """The wine classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        scaler: A scikit-learn scaler, fitted on the training rows; None leaves the data raw.
        proline_spread: Multiplies proline after scaling; None leaves it alone.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_wine(return_X_y=True)  # (178, 13), (178,)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.6, stratify=y[rest], random_state=seed)
    if scaler is not None:
        x = scaler().fit(x[rows]).transform(x)
    if proline_spread is not None:
        x[:, PROLINE] *= proline_spread
    x, y = torch.tensor(x, dtype=torch.float32, device=device), torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=16, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(13, hidden), nn.ReLU(), nn.Linear(hidden, 3)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str) -> Setup:
    """The raw data with Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.001))


def build_healthy(seed: int, device: str) -> Setup:
    """Features on one scale from the start, and an optimizer that forgives the rest."""
    setup = build(seed, device, scaler=StandardScaler)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.01))


def build_batchnorm(seed: int, device: str) -> Setup:
    """The raw data with a BatchNorm layer before the network."""
    setup = build(seed, device)
    model = nn.Sequential(nn.BatchNorm1d(13), *setup.model).to(device)
    return replace(setup, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.01))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    scaler: type[StandardScaler] | None = None,
    lr: float = 0.05,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras; fewer and longer steps, because an epoch costs more there."""
    import keras

    x, y = load_wine(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.6, stratify=y[rest], random_state=seed)
    if scaler is not None:
        x = scaler().fit(x[rows]).transform(x)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((13,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(3)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x[rows], y[rows]), val=(x[val_rows], y[val_rows]), test=(x[test_rows], y[test_rows]),
        epochs=epochs, batch_size=16,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="unscaled-features",
    family="data",
    kind="trains",
    question="The loss starts high, jumps higher, then stops moving. Why?",
    lesson="01_unscaled_features",
    broken=_BROKEN,
    fixed=_BROKEN.having(scaler=StandardScaler),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.001),
            why="The steps are still long enough to kill units along proline, and already too "
            "short for the other twelve features.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=300),
            why="Every hidden unit is dead within a few steps, and a dead unit gets no gradient.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="More units see the same inputs, and die of the same step.",
        ),
        Rival(
            name="BatchNorm on the raw input",
            recipe=Recipe(build=build_batchnorm, train=train, evaluate=evaluate),
            why="It standardises the input per batch: the same repair, inside the model.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate),
            why="It rescales the step per weight, so it hides the cause; the input stays raw.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.5, fixed_bound=0.82, margin=0.35
    ),
    shows=(
        Sign(quantity="input_std"),
        Sign(quantity="loss", read="last"),
        Sign(quantity="dead_fraction", read="last"),
    ),
    knobs=(
        Knob(
            name="proline_spread",
            label="spread of proline (standard deviations)",
            values=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
            start=1.0,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(scaler=StandardScaler),
        note="Keras starts from Glorot weights and fails in the same way; learning rate 0.05.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
        Source(key="D2", title=D2, section="1. Data issues; example 1"),
        Source(key="D3", title=D3, section="Examples 1 and 2"),
        LECUN_1998,
    ),
)
