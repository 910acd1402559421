"""One missing value: a single NaN, and no weight of the network is left.

One pixel of one training image is NaN. It makes that image's outputs NaN, they make the loss
of its batch NaN, and the gradient of every weight is NaN with it. One step later every weight
is NaN, and from there no batch brings a number back. What comes out is class 0, for everything.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import three_parts
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    imputer: type[SimpleImputer] | None = None,
    missing: int = 1,
    lr: float = 0.3,
    epochs: int = 15,
) -> Setup:
    """Digits with missing pixels.

    Args:
        seed: Sets which pixels are missing, the split, the weights and the order of the batches.
        device: Where model and data live.
        imputer: Fills what is missing, fitted on the training rows; None leaves the NaN.
        missing: How many pixels of the training images are missing.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    lost = np.random.default_rng(seed).choice(64 * len(rows), missing, replace=False)
    x[rows[lost // 64], lost % 64] = np.nan  # in training rows alone
    if imputer is not None:
        x = imputer().fit(x[rows]).transform(x)
    x = torch.tensor(x / 16, dtype=torch.float32, device=device)  # grey levels from 0 to 1
    y = torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_batchnorm(seed: int, device: str) -> Setup:
    """The missing value left in, and a BatchNorm layer before the network."""
    setup = build(seed, device)
    model = nn.Sequential(nn.BatchNorm1d(64), *setup.model).to(device)
    return replace(setup, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.3))


def train_clipped(setup: Setup) -> Iterator[int]:
    """The usual loop with the gradient's norm clipped at 1."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(setup.model.parameters(), 1.0)
            setup.optimizer.step()
        yield epoch + 1


def build_healthy(seed: int, device: str) -> Setup:
    """Nothing missing, and Adam."""
    setup = build(seed, device, missing=0)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    imputer: type[SimpleImputer] | None = None,
    missing: int = 1,
    lr: float = 0.3,
    epochs: int = 10,
) -> Setup:
    """The same digits and the same network in Keras."""
    import keras

    x, y = load_digits(return_X_y=True)
    (x, y), val, test = three_parts(x / 16, y, seed)
    cells = np.random.default_rng(seed).choice(x.size, missing, replace=False)
    x[np.unravel_index(cells, x.shape)] = np.nan
    if imputer is not None:
        x = imputer().fit_transform(x)

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
    name="one-nan",
    family="data",
    kind="trains",
    question="The loss is nan from the first epoch on, whatever the learning rate. Why?",
    lesson="08_missing_and_corrupted_data",
    broken=_BROKEN,
    fixed=_BROKEN.having(imputer=SimpleImputer),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.003),
            why="A smaller multiple of NaN is NaN.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipped, evaluate=evaluate),
            why="The norm of a gradient with one NaN is NaN, and dividing by it spreads it.",
        ),
        Rival(
            name="BatchNorm on the raw input",
            recipe=Recipe(build=build_batchnorm, train=train, evaluate=evaluate),
            why="The mean of the batch is NaN as well, so its other images are lost too.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.2, fixed_bound=0.82, margin=0.7
    ),
    shows=(Sign(quantity="non_finite"), Sign(quantity="loss", read="last")),
    knobs=(
        Knob(
            name="missing",
            label="missing pixels (of 68,992)",
            values=(1, 10, 100, 1000, 10000, 30000, 50000, 65000),
            start=1,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(imputer=SimpleImputer),
        note="Keras goes on with a loss of nan too; its TerminateOnNaN callback would stop. With "
        "oneDNN, which TensorFlow uses on x86 unless TF_ENABLE_ONEDNN_OPTS is 0, ReLU turns nan "
        "into 0: the weights are lost, and the loss stays finite.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: missing data"),
        Source(key="D2", title=D2, section="Data issues: missing values handled inappropriately"),
    ),
    finding="D1 says that missing values bring random jumps in the loss. A NaN brings none: the "
    "loss is NaN within the first epoch, and stays so.",
)
