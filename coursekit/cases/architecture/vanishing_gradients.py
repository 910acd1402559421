"""Vanishing gradients: ten sigmoid layers, and a gradient that never reaches the first.

Going backwards, each layer multiplies the gradient by its weights and by the slope of its
activation. A sigmoid's slope is at most 1/4, so ten of them shrink the gradient by a factor of
a million or more, whatever the weights are. Going forwards, the same slope flattens the
differences between the inputs, so the last layer sees nearly the same row every time. The
network answers with the class frequencies. The slope of tanh is 1 at zero: with weights of the
right size the gradient keeps its length.
"""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import ReLU, Sigmoid, Tanh
from torch.nn.init import kaiming_normal_, xavier_uniform_
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Choice, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import digits
from coursekit.cases.sources import D1, D2, D3, GLOROT_2010, Source


def build(
    seed: int,
    device: str,
    *,
    activation: type[nn.Module] = Sigmoid,
    initialise: Callable[[torch.Tensor], torch.Tensor] | None = xavier_uniform_,
    depth: int = 10,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 0.05,
    epochs: int = 12,
) -> Setup:
    """A deep classifier of digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        activation: What follows each hidden layer.
        initialise: Fills the weights of a layer; None leaves what PyTorch drew.
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
    hidden = [layer for _ in range(depth) for layer in (nn.Linear(64, 64), activation())]
    model = nn.Sequential(*hidden, nn.Linear(64, 10)).to(device)
    if initialise is not None:
        for layer in model:
            if isinstance(layer, nn.Linear):
                initialise(layer.weight)
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
    activation: str = "sigmoid",
    depth: int = 10,
    lr: float = 0.05,
    epochs: int = 12,
) -> Setup:
    """The same classifier in Keras, which draws Glorot (Xavier) weights by default."""
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(64, activation=activation) for _ in range(depth)]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])
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
    name="vanishing-gradients",
    family="architecture",
    kind="trains",
    question="My network with one hidden layer learns. With ten it stays at chance. Why?",
    lesson="04_vanishing_gradients",
    broken=_BROKEN,
    fixed=_BROKEN.having(activation=Tanh),
    healthy=_BROKEN.having(
        activation=ReLU, initialise=kaiming_normal_, optimizer_type=Adam, lr=0.001
    ),
    rivals=(
        Rival(
            name="Adam in place of SGD",
            recipe=_BROKEN.having(optimizer_type=Adam, lr=0.001),
            why="It enlarges small gradients; the last layer still sees the same row every time.",
        ),
        Rival(
            name="a learning rate ten times larger",
            recipe=_BROKEN.having(lr=0.5),
            why="The first gradients are a million times too small, and the last ones are not.",
        ),
        Rival(
            name="three times the epochs",
            recipe=_BROKEN.having(epochs=36),
            why="The first layers hardly move in one epoch, nor in thirty-six.",
        ),
        Rival(
            name="ReLU with PyTorch's initial weights",
            recipe=_BROKEN.having(activation=ReLU, initialise=None),
            why="Its slope is 1, but those weights halve the signal or more in every layer.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.25, fixed_bound=0.73, margin=0.5
    ),
    shows=(
        Sign(quantity="gradient_norm", read="first", layer="0"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="depth",
            label="hidden layers",
            values=(1, 2, 3, 4, 6, 8, 10, 15, 20),
            start=10,
        ),
        Choice(
            name="activation",
            label="activation",
            positions={"sigmoid": Sigmoid, "tanh": Tanh, "ReLU": ReLU},
            first="tanh",
        ),
        Choice(
            name="initialise",
            label="initial weights",
            positions={
                "Xavier": xavier_uniform_,
                "He": kaiming_normal_,
                "PyTorch's own": None,
            },
            first="Xavier",
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(activation="tanh"),
        note="Keras draws Glorot weights by default, so only the activation changes.",
    ),
    sources=(
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
        Source(key="D2", title=D2, section="1. Model architecture problems; example 2"),
        Source(key="D3", title=D3, section="The paragraph on model architecture"),
        GLOROT_2010,
    ),
    finding=(
        "An activation alone does not decide it. Tanh, which one document names as a cause, trains "
        "ten layers from Xavier weights; ReLU, which two name as the cure, does not from PyTorch's."
    ),
)
