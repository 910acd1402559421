"""Learning rate too high: the first steps overshoot, and leave nothing that could learn.

A step ten times too long throws the weights far past the minimum. The next gradient is larger
still, and the next step with it. After a few of them nearly every hidden unit lies below zero for
every row, and a dead ReLU gets no gradient. The loss does not become NaN: only the last bias
still moves, and the loss settles near ln 10, the loss of a guess among ten classes.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import (
    evaluate,
    evaluate_keras,
    train,
    train_clipping,
    train_decaying,
    train_keras,
)
from coursekit.cases.rows import digits
from coursekit.cases.sources import D1, D2, D3, Source


def build(seed: int, device: str, *, lr: float = 3.0, epochs: int = 10) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    x = torch.tensor(x / 16, dtype=torch.float32, device=device)
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


def build_healthy(seed: int, device: str) -> Setup:
    """Adam at an ordinary learning rate."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_decay(seed: int, device: str) -> Setup:
    """The high learning rate, halved after each epoch."""
    setup = build(seed, device)
    return replace(setup, scheduler=StepLR(setup.optimizer, step_size=1, gamma=0.5))


def build_batchnorm(seed: int, device: str) -> Setup:
    """The high learning rate with a BatchNorm layer before the ReLU."""
    setup = build(seed, device)
    first, relu, last = setup.model
    model = nn.Sequential(first, nn.BatchNorm1d(64), relu, last).to(device)
    return replace(setup, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=3.0))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    lr: float = 3.0,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="learning-rate-too-high",
    family="optimization",
    kind="trains",
    question="The loss jumps in the first steps, then stays at 2.3 for good. Why?",
    lesson="03_learning_rate",
    broken=_BROKEN,
    fixed=_BROKEN.having(lr=0.3),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=30),
            why="The hidden units die within the first epochs, and a dead unit gets no gradient.",
        ),
        Rival(
            name="a scheduler that halves the rate each epoch",
            recipe=Recipe(build=build_decay, train=train_decaying, evaluate=evaluate),
            why="Most of the harm is done in the first epoch, before the scheduler steps.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipping, evaluate=evaluate),
            why="A gradient of norm one times a rate of three is still a step of length three.",
        ),
        Rival(
            name="BatchNorm before the ReLU",
            recipe=Recipe(build=build_batchnorm, train=train, evaluate=evaluate),
            why="It recentres every unit in every batch, so that none can die: it hides the cause. "
            "The rate is as high as before; the weights grow until the steps are short for them.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.82, margin=0.55
    ),
    shows=(
        Sign(quantity="loss", read="last"),
        Sign(quantity="dead_fraction", read="last"),
        Sign(quantity="update_ratio", read="highest"),
    ),
    knobs=(
        Knob(
            name="lr",
            label="learning rate",
            values=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
            start=0.3,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(lr=0.1),
        note="Keras starts from larger (Glorot) weights and fails in the same way; "
        "its fixed rate is 0.1.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer Misconfigurations"),
        Source(key="D2", title=D2, section="Optimization Strategy Issues"),
        Source(key="D3", title=D3, section="an inappropriately chosen learning rate"),
    ),
)
