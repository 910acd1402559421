"""Exploding gradients from the start: eight ReLU layers with weights from N(0, 1).

``nn.init.normal_`` draws weights with a standard deviation of 1 unless told otherwise. Each of
64 inputs adds its share, so every layer makes the signal nearly six times as large. The logits
come out in the millions, and the gradient grows by the same factor on its way back. The first
steps throw the weights away, and the loss is NaN. He's weights, √(2/64) = 0.18, keep the size.
"""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.init import kaiming_normal_, normal_
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_clipping, train_keras
from coursekit.cases.rows import digits
from coursekit.cases.sources import D1, D2, HE_2015, Source


def build(
    seed: int,
    device: str,
    *,
    initialise: Callable[[torch.Tensor], torch.Tensor] = normal_,
    scale: float | None = None,
    depth: int = 8,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 0.05,
    epochs: int = 25,
) -> Setup:
    """A deep classifier of digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        initialise: Fills the weights of a layer.
        scale: What those weights are multiplied by; None leaves them.
        depth: Hidden layers, of 64 units each.
        optimizer_type: SGD, or what shall take its place.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)  # (1797, 64), (1797,)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    x, y = torch.tensor(x / 16, dtype=torch.float32, device=device), torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=32, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    hidden = [layer for _ in range(depth) for layer in (nn.Linear(64, 64), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(64, 10)).to(device)
    for layer in model:
        if isinstance(layer, nn.Linear):
            initialise(layer.weight)
            if scale is not None:
                layer.weight.data *= scale
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optimizer_type(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    weight_std: float = 1.0,
    lr: float = 0.05,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras, with normal weights of a given standard deviation."""
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,))])
    for units, activation in [*[(64, "relu")] * 8, (10, None)]:
        normal = keras.initializers.RandomNormal(stddev=weight_std)
        model.add(keras.layers.Dense(units, activation=activation, kernel_initializer=normal))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="exploding-initialisation",
    family="architecture",
    kind="trains",
    question="The first loss is in the millions, and soon it is NaN. Why?",
    lesson="12_exploding_gradients",
    broken=_BROKEN,
    fixed=_BROKEN.having(initialise=kaiming_normal_),
    healthy=_BROKEN.having(depth=2, initialise=kaiming_normal_, optimizer_type=Adam, lr=0.001),
    rivals=(
        Rival(
            name="a learning rate fifty times smaller",
            recipe=_BROKEN.having(lr=0.001),
            why="The gradient is a million times too large, so one ordinary step remains enormous.",
        ),
        Rival(
            name="clipping the gradient",
            recipe=Recipe(build=build, train=train_clipping, evaluate=evaluate),
            why="It stops the NaN and hides the cause: the loss stays enormous.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_BROKEN.having(optimizer_type=Adam, lr=0.001),
            why="It rescales each gradient and hides the cause: the loss stays enormous.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.25, fixed_bound=0.6, margin=0.4
    ),
    shows=(
        Sign(quantity="gradient_norm", read="first", layer="0"),
        Sign(quantity="loss", read="first"),
    ),
    knobs=(
        Knob(
            name="scale",
            label="size of the first weights (1: those of He)",
            values=(0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.7),
            start=1.0,
        ),
        Knob(
            name="depth",
            label="hidden layers",
            values=(1, 2, 3, 4, 6, 8, 10, 15, 20),
            start=8,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(weight_std=0.177),
        note="RandomNormal has a deviation of 0.05 by default in Keras; one must ask for 1.",
    ),
    sources=(
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
        Source(key="D2", title=D2, section="1. Model architecture problems"),
        HE_2015,
    ),
)
