"""Binary cross-entropy on class numbers: each digit told that it is worth its own name.

``nn.BCEWithLogitsLoss`` wants, for each of ten outputs, a 0 or a 1. It refuses class numbers of
shape (rows,); repeated to shape (rows, 10) it takes them without a word. For a label y its
gradient is p − y: of a 7 it asks that all ten outputs be seven times certain. No p gets above
1, so nearly every gradient pushes up, for ever: the loss falls below zero, and all ten outputs
go the same way.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import BCEWithLogitsLoss
from torch.nn.functional import one_hot

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D3, Source


def build(
    seed: int,
    device: str,
    *,
    criterion: type[nn.Module] = BCEWithLogitsLoss,
    lr: float = 0.003,
    weight_decay: float = 0.0,
    epochs: int = 10,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        criterion: The class of the loss, which compares ten outputs with ten targets a row.
        lr: Learning rate of Adam.
        weight_decay: Of Adam.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = criterion()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """The classifier with the cross-entropy of one class against all others, and SGD."""
    setup = build(seed, device, criterion=nn.CrossEntropyLoss, epochs=20)
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.1))


def train(setup: Setup) -> Iterator[int]:
    """Train with a one for the class and nine zeros; yields the number of epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            targets = one_hot(labels, 10).float()  # (rows, classes)
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), targets)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_on_numbers(setup: Setup) -> Iterator[int]:
    """Train with the class number, repeated until the loss takes it; yields epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            targets = labels.unsqueeze(1).expand(-1, 10).float()  # (rows, classes)
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), targets)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_on_fractions(setup: Setup) -> Iterator[int]:
    """Train with the class number divided by nine, repeated; yields epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            targets = labels.unsqueeze(1).expand(-1, 10) / 9  # (rows, classes)
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), targets)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def evaluate(setup: Setup) -> dict[str, float]:
    """Accuracy on held-out rows, and the mean cross-entropy over the ten classes."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = setup.model(inputs)  # (rows, classes)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(logits, one_hot(labels, 10).float())
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def indicators(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A one for the class and nine zeros, shape (rows, classes)."""
    encoded: npt.NDArray[Any] = np.eye(10)[labels]
    return encoded


def repeated(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The class number ten times, shape (rows, classes)."""
    return np.repeat(labels[:, None], 10, axis=1)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    encode: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] = indicators,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    (x, y), val, test = digits(seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.003)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, encode(y)), val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on held-out rows."""
    inputs, labels = setup.test
    outputs = setup.model.predict(inputs, verbose=0)
    return {"test_accuracy": float((outputs.argmax(axis=1) == labels).mean())}


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = Recipe(build=build, train=train_on_numbers, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="bce-integer-labels",
    family="architecture",
    kind="trains",
    question="The loss is below zero and goes on falling, but the network only guesses. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.0001),
            why="The same targets at a slower pace: no output is told apart from the others.",
        ),
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.1),
            why="It pulls at the weights, and the targets stay wrong.",
        ),
        Rival(
            name="labels divided by nine",
            recipe=Recipe(build=build, train=train_on_fractions, evaluate=evaluate),
            why="The targets now lie between 0 and 1, and are still the same for all ten outputs.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.81, margin=0.5
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="gradient_norm", read="last")),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(encode=repeated),
        fixed=_KERAS,
        note="Keras too refuses class numbers of shape (rows,) with an error, and takes them in "
        "silence once they are repeated.",
    ),
    sources=(Source(key="D3", title=D3, section="Choice of the loss function"),),
    finding="Binary cross-entropy is said to be inappropriate for several classes. With one-hot "
    "targets it learns digits (.94 on held-out rows after ten epochs, median of ten seeds); it "
    "fails where the targets are class numbers.",
)
