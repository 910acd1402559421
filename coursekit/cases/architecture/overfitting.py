"""Overfitting: the network learns the training rows by heart.

265 rows of diabetes, and 69,000 weights. After a few epochs the network has found what the ten
features say; after that it can only lower the loss by learning each row's noise. The training
loss goes to zero, the held-out loss climbs. Nothing in the training loss warns of it, so held-out
rows must be looked at during training.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Choice, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import train, train_keras
from coursekit.cases.rows import diabetes
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    hidden: int = 256,
    dropout: float | None = None,
    weight_decay: float = 0.01,
    lr: float = 0.003,
    epochs: int = 60,
) -> Setup:
    """A wide network on the diabetes rows.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        hidden: Units in each of the two hidden layers.
        dropout: Share of the hidden units that a training step silences; None for no dropout.
        weight_decay: Weight decay of AdamW.
        lr: Learning rate of AdamW.
        epochs: Passes over the training rows, at most.
    """
    x, y = load_diabetes(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, random_state=seed)
    x = (x - x[rows].mean(axis=0)) / x[rows].std(axis=0)
    y = (y - y[rows].mean()) / y[rows].std()
    x, y = (torch.tensor(part, dtype=torch.float32, device=device) for part in (x, y))
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    layers = [nn.Linear(10, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()]
    if dropout is not None:
        layers = [*layers[:2], nn.Dropout(dropout), *layers[2:], nn.Dropout(dropout)]
    model = nn.Sequential(*layers, nn.Linear(hidden, 1), nn.Flatten(0)).to(device)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_linear(seed: int, device: str) -> Setup:
    """A model of eleven weights: too few to learn 265 rows by heart."""
    setup = build(seed, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(10, 1), nn.Flatten(0)).to(device)
    return replace(setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.01))


def train_stopping_early(setup: Setup) -> Iterator[int]:
    """Train until the validation loss has not improved for 10 epochs, then restore the best."""
    lowest, waited = math.inf, 0
    for epoch in range(setup.epochs):
        setup.model.train()
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        setup.model.eval()
        inputs, labels = setup.val.tensors
        with torch.no_grad():
            val_loss = setup.loss_fn(setup.model(inputs), labels).item()
        waited += 1
        if val_loss < lowest:
            lowest, waited = val_loss, 0
            best = copy.deepcopy(setup.model.state_dict())
        if waited == 10:
            break
        yield epoch + 1
    setup.model.load_state_dict(best)


def evaluate(setup: Setup) -> dict[str, float]:
    """Loss on training and on held-out rows, the model in evaluation mode."""
    setup.model.eval()
    with torch.no_grad():
        train_loss, test_loss = (
            setup.loss_fn(setup.model(inputs), targets).item()
            for inputs, targets in (setup.train.dataset.tensors, setup.test.tensors)
        )
        r2 = 1 - test_loss / setup.test.tensors[1].var(correction=0).item()
    return {
        "train_loss": train_loss,
        "test_loss": test_loss,
        "test_r2": r2,
        "test_over_train": test_loss / train_loss,
    }


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    lr: float = 0.003,
    epochs: int = 90,
) -> Setup:
    """The same network in Keras; more epochs, for it learns the rows by heart more slowly."""
    import keras

    parts = diabetes(seed)
    keras.utils.set_random_seed(seed)
    body = [keras.layers.Dense(256, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((10,)), *body, keras.layers.Dense(1)])
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.AdamW(lr, weight_decay=0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


def train_keras_stopping_early(setup: Setup) -> Iterator[int]:
    """One ``model.fit`` with the callback that Keras has for it."""
    import keras

    stop = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    inputs, targets = setup.train
    setup.model.fit(
        inputs, targets, batch_size=setup.batch_size, epochs=setup.epochs, verbose=0,
        validation_data=setup.val, callbacks=[stop],
    )  # fmt: skip
    yield setup.epochs


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """Loss on training and on held-out rows."""
    train_loss, test_loss = (
        float(setup.model.evaluate(inputs, targets, verbose=0))
        for inputs, targets in (setup.train, setup.test)
    )
    r2 = 1 - test_loss / float(setup.test[1].var())
    return {
        "train_loss": train_loss,
        "test_loss": test_loss,
        "test_r2": r2,
        "test_over_train": test_loss / train_loss,
    }


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)

CASE = Case(
    name="overfitting",
    family="architecture",
    kind="trains",
    question="The training loss is almost zero, and on new rows the network is poor. Why?",
    lesson="10_capacity_and_overfitting",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_stopping_early, evaluate=evaluate),
    healthy=Recipe(build=build_linear, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a network half as wide",
            recipe=_BROKEN.having(hidden=128),
            why="A quarter of the weights is left: still many for each row, enough to know it.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.001),
            why="It learns the rows by heart too, in more steps.",
        ),
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.3),
            why="AdamW's pull to zero is weak beside its steps: it slows the learning by heart.",
        ),
        Rival(
            name="dropout",
            recipe=_BROKEN.having(dropout=0.5),
            why="Its noise makes rows harder to learn by heart, but training still goes on too "
            "long: a second remedy, and a weaker one here.",
        ),
    ),
    claim=Claim(
        score="test_over_train",
        better="lower",
        broken_bound=8.0,
        fixed_bound=4.8,
        margin=2.0,
        ratio=True,
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="hidden",
            label="units in each hidden layer",
            values=(1, 2, 4, 8, 16, 32, 64, 128, 256),
            start=256,
        ),
        Choice(
            name="dropout",
            label="dropout (share of hidden units silenced)",
            positions={"none": None, "0.2": 0.2, "0.5": 0.5, "0.8": 0.8, "0.9": 0.9, "0.95": 0.95},
            first="none",
        ),
        Knob(
            name="weight_decay",
            label="weight decay of AdamW",
            values=(0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
            start=0.01,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras),
        fixed=Recipe(build=build_keras, train=train_keras_stopping_early, evaluate=evaluate_keras),
        note="The callback EarlyStopping does it; restore_best_weights is off unless asked for.",
    ),
    sources=(
        Source(key="D1", title=D1, section="3. Architectural flaws: overfitting"),
        Source(key="D2", title=D2, section="1. Optimization strategy issues: regularization"),
    ),
    long_diff="Early stopping is a part of the loop: it looks, remembers, waits and restores.",
)
