"""Softmax before cross-entropy: probabilities given to a loss that expects logits.

``nn.CrossEntropyLoss`` takes the softmax itself. A network that ends in one has it taken twice.
The loss then sees numbers between 0 and 1, so that even a certain and right answer, a one and
nine zeros, leaves it at ln(e + 9) − 1 = 1.46. And the gradient passes through two softmaxes:
close to even probabilities it is a tenth of what it should be, and SGD crawls.
"""

import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import LogSoftmax, Softmax
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import (
    Case,
    Choice,
    Claim,
    Knob,
    NoDifference,
    Recipe,
    Rival,
    Setup,
    Sign,
    Twin,
)
from coursekit.cases.plain import evaluate, train
from coursekit.cases.rows import digits
from coursekit.cases.sources import D2, Source


def build(
    seed: int,
    device: str,
    *,
    last: type[nn.Module] | None = None,
    classes: int = 10,
    hidden: int = 64,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        last: A layer after the last linear one; None ends the network in logits.
        classes: Digits that there are, from 0 on.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(n_class=classes, return_X_y=True)
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
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, classes)).to(device)
    if last is not None:
        model.append(last(dim=1))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str, *, last: type[nn.Module] | None = None) -> Setup:
    """The classifier with Adam in place of SGD."""
    setup = build(seed, device, last=last)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    last: str | None = None,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    train_rows, val, test = digits(seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation=last),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


def train_keras(setup: Setup) -> Iterator[int]:
    """One ``model.fit``; Keras warns of the softmax, which is part of the failure."""
    inputs, labels = setup.train
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*from_logits=True.*")
        setup.model.fit(inputs, labels, batch_size=setup.batch_size, epochs=setup.epochs, verbose=0)
    yield setup.epochs


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """Loss and accuracy on held-out rows; Keras warns of the softmax here too."""
    inputs, labels = setup.test
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*from_logits=True.*")
        loss, accuracy = setup.model.evaluate(inputs, labels, verbose=0)
    return {"test_accuracy": accuracy, "test_loss": loss}


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(last=Softmax)
_ADAM = Recipe(build=build_adam, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="softmax-before-cross-entropy",
    family="architecture",
    kind="trains",
    question="The loss hardly falls, and however long I train it stays above 1.46. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=_ADAM,
    rivals=(
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=1.0),
            why="It makes up for the small gradient, so accuracy comes; the loss keeps its floor.",
        ),
        Rival(
            name="twice the epochs",
            recipe=_BROKEN.having(epochs=20),
            why="The gradient stays small, so that it pays twice for a part of the way.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="The network has room enough; what it is told about its errors is too weak.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_ADAM.having(last=Softmax),
            why="It rescales small gradients, so it hides the cause; the loss keeps its floor.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.7, fixed_bound=0.85, margin=0.2
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="gradient_norm", read="first")),
    knobs=(
        Choice(
            name="last",
            label="the network ends in",
            positions={"logits": None, "Softmax": Softmax, "LogSoftmax": LogSoftmax},
            first="logits",
        ),
        Knob(
            name="lr",
            label="learning rate",
            values=(0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
            start=0.1,
        ),
        Knob(name="classes", label="classes", values=(2, 3, 5, 10), start=10),
    ),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS.having(last="softmax"),
        fixed=_KERAS,
        claim=NoDifference(score="test_accuracy", better="higher", bound=0.85, tolerance=0.02),
        note="Keras on TensorFlow finds the softmax that made the output, uses its input as the "
        "logits and warns of it. A layer behind the softmax hides it; on PyTorch it does not look.",
    ),
    sources=(Source(key="D2", title=D2, section="Example 2: Addressing Vanishing Gradients"),),
    finding="A softmax layer is said to ensure proper outputs. Before cross-entropy it does "
    "harm: the loss cannot fall below 1.46 with ten classes (.31 with two). Accuracy suffers "
    "under SGD; with Adam it hardly does, so that only the loss tells.",
)
