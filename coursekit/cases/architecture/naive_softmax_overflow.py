"""A softmax written by its formula: the exponential of a large logit is infinite.

In 32-bit floats exp(89) is infinity already, and infinity divided by infinity is NaN. The
pixels here are as an image file holds them, from 0 to 255, so the first logits are in the
hundreds. A softmax stays the same where one number is taken from all logits; ``log_softmax``
takes the largest, so that no exponent is above zero. The pixels should be scaled as well. But a
loss that is right for small logits only is a fault of its own, and will be met again.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.functional import log_softmax

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_keras, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, D3, Source


def build(
    seed: int,
    device: str,
    *,
    white: float = 255.0,
    lr: float = 0.003,
    epochs: int = 20,
) -> Setup:
    """A straight-line classifier of digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        white: The number that stands for the brightest pixel.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (tensors((x * white, y), device) for x, y in digits(seed))
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Linear(64, 10).to(device)
    loss_fn = nn.NLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def train(setup: Setup) -> Iterator[int]:
    """Train by the formula of the softmax; yields the number of epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            exponentials = setup.model(inputs).exp()
            probabilities = exponentials / exponentials.sum(dim=1, keepdim=True)
            loss = setup.loss_fn(probabilities.log(), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_stable(setup: Setup) -> Iterator[int]:
    """Train by a softmax that takes the largest logit from all; yields epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(log_softmax(setup.model(inputs), dim=1), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_with_epsilon(setup: Setup) -> Iterator[int]:
    """Train by the formula, with a little added before it divides and takes the logarithm."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            exponentials = setup.model(inputs).exp()
            probabilities = exponentials / (exponentials.sum(dim=1, keepdim=True) + 1e-8)
            loss = setup.loss_fn((probabilities + 1e-8).log(), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_clipping(setup: Setup) -> Iterator[int]:
    """Train by the formula, with the norm of the gradient held to 1."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            exponentials = setup.model(inputs).exp()
            probabilities = exponentials / exponentials.sum(dim=1, keepdim=True)
            loss = setup.loss_fn(probabilities.log(), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(setup.model.parameters(), 1.0)
            setup.optimizer.step()
        yield epoch + 1


def evaluate(setup: Setup) -> dict[str, float]:
    """Loss and accuracy on held-out rows."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        logits = setup.model(inputs)  # (rows, classes)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        loss = setup.loss_fn(log_softmax(logits, dim=1), labels)
        return {"test_accuracy": accuracy.item(), "test_loss": loss.item()}


def naive_cross_entropy(labels: Any, logits: Any) -> Any:
    """Cross-entropy by the formula of the softmax, in Keras."""
    from keras import ops

    exponentials = ops.exp(logits)
    probabilities = exponentials / ops.sum(exponentials, axis=1, keepdims=True)
    wanted = ops.one_hot(ops.reshape(labels, (-1,)), 10)
    return -ops.log(ops.sum(probabilities * wanted, axis=1))


def stable_cross_entropy(labels: Any, logits: Any) -> Any:
    """Cross-entropy by ``log_softmax``, in Keras."""
    from keras import ops

    wanted = ops.one_hot(ops.reshape(labels, (-1,)), 10)
    return -ops.sum(ops.log_softmax(logits, axis=1) * wanted, axis=1)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    loss: Callable[[Any, Any], Any] = stable_cross_entropy,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras, with a loss of one's own."""
    import keras

    train_rows, val, test = ((x * 255, y) for x, y in digits(seed))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    optimizer = keras.optimizers.Adam(0.003)
    metrics = ["sparse_categorical_accuracy"]
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_FIXED = Recipe(build=build, train=train_stable, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="naive-softmax-overflow",
    family="architecture",
    kind="trains",
    question="My own cross-entropy follows the book, yet the first loss is NaN already. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=_FIXED.having(white=1.0, lr=0.01),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.00001),
            why="The first batch overflows before any step is made.",
        ),
        Rival(
            name="a little added before dividing",
            recipe=Recipe(build=build, train=train_with_epsilon, evaluate=evaluate),
            why="It guards against zero; here infinity is divided by infinity.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipping, evaluate=evaluate),
            why="The gradient of NaN is NaN, and scaled it stays NaN.",
        ),
        Rival(
            name="scaled pixels",
            recipe=_BROKEN.having(white=1.0),
            why="It makes these logits small, and hides that the loss cannot bear large ones.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.2, fixed_bound=0.78, margin=0.6
    ),
    shows=(Sign(quantity="non_finite", read="first"), Sign(quantity="loss", read="first")),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(loss=naive_cross_entropy),
        fixed=_KERAS,
        note="A loss of one's own fails in the same way; those that Keras brings are safe.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
        Source(key="D3", title=D3, section="Introduction: the nuances of numerical stability"),
    ),
)
