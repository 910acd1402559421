"""Outputs of shape (rows, 1) compared with targets of shape (rows,).

Nothing raises: the difference is broadcast to shape (rows, rows), each output against every
target of the batch. The output that has the least squared error to all targets is their mean,
so the network learns to say the mean, nearly whatever the input (its own target is one of the
32 in the batch, and has a thirty-second of the say). ``nn.MSELoss`` warns of it once; a
loss written by hand says nothing.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from coursekit.cases.case import Case, Claim, NoDifference, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import (
    evaluate_regression,
    evaluate_regression_keras,
    train,
    train_keras,
)
from coursekit.cases.rows import batches, breast_cancer, tensors
from coursekit.cases.sources import D1, D2, Source

MEANS = 10  # the first ten columns: of all nuclei in an image, the mean radius, texture, …
WORST_AREA = 23  # of its three largest nuclei, the area


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error."""
    return ((outputs - targets) ** 2).mean()


def build(
    seed: int,
    device: str,
    *,
    hidden: int = 32,
    lr: float = 0.03,
    epochs: int = 30,
) -> Setup:
    """The area of the largest cell nuclei from the means of all; targets of shape (rows,).

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (
        tensors((x[:, :MEANS], x[:, WORST_AREA]), device) for x, _ in breast_cancer(seed)
    )
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(MEANS, hidden), nn.ReLU(), nn.Linear(hidden, 1)).to(device)
    loss_fn = squared_error
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str) -> Setup:
    """The network with Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_healthy(seed: int, device: str) -> Setup:
    """A straight line whose output has shape (rows,) from the start."""
    setup = build(seed, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(MEANS, 1), nn.Flatten(0)).to(device)  # (rows,)
    return replace(setup, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.01))


def train_squeezed(setup: Setup) -> Iterator[int]:
    """Train with outputs and targets of one shape; yields the number of epochs done."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs).squeeze(1), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    shape: tuple[int, ...] = (-1, 1),
    epochs: int = 15,
) -> Setup:
    """The same regression in Keras.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Ignored.
        shape: Shape of the targets.
        epochs: Passes over the training rows.
    """
    import keras

    (x, y), val, test = ((x[:, :MEANS], x[:, WORST_AREA]) for x, _ in breast_cancer(seed))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((MEANS,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
    )
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.SGD(0.03)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x, y.reshape(shape)), val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_regression)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_regression_keras)

CASE = Case(
    name="silent-broadcast",
    family="architecture",
    kind="trains",
    question="Whatever I feed it, my regression answers with nearly the same number. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_squeezed, evaluate=evaluate_regression),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_regression),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=100),
            why="The mean is where this loss is least, and the network is there already.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="A network that could say more is still asked for the mean.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate_regression),
            why="A better optimizer finds the least of the wrong loss.",
        ),
    ),
    claim=Claim(
        score="test_r2",
        better="higher",
        broken_bound=0.22,
        fixed_bound=0.65,
        margin=0.45,
    ),
    shows=(
        Sign(quantity="activation_std", read="last", layer="2"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS.having(shape=(-1,)),
        fixed=_KERAS,
        claim=NoDifference(score="test_r2", better="higher", bound=0.7, tolerance=0.01),
        note="Keras brings outputs and targets to one shape before it compares them, in a loss "
        "that compile is given; in a compute_loss or train_step of one's own it does not.",
    ),
    sources=(
        Source(key="D1", title=D1, section="Introduction: inconsistencies in data handling"),
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
    ),
)
