"""Networks whose gradient shares are known without autograd: what task 2 is checked against."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

SEED = 101
BATCH = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """A network, a batch, and the shares that a right measurement gives.

    Attributes:
        name: What messages call it.
        model: The network.
        loss_fn: The criterion.
        x: Inputs, shape (rows, features).
        y: Targets.
        expected: Share of each feature, shape (features,).
    """

    name: str
    model: nn.Module
    loss_fn: nn.Module
    x: Tensor
    y: Tensor
    expected: Array


def by_hand() -> tuple[Measured, ...]:
    """Three networks whose shares a person can work out; their test does so.

    >>> [known.expected.tolist() for known in by_hand()]
    [[0.36, 0.64], [1.0, 0.0], [0.36, 0.64]]
    """
    deep = nn.Sequential(
        nn.Identity(),
        nn.Sequential(_linear([[1.0, 0.0], [1.0, 1.0]]), nn.ReLU()),
        _linear([[1.0, 2.0]]),
    )
    one_row, zero = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 1)
    return (
        Measured(
            name="one row (3, 4)", model=_linear([[1.0, 1.0]]), loss_fn=nn.MSELoss(),
            x=one_row, y=zero, expected=np.array([0.36, 0.64]),
        ),
        Measured(
            name="two rows that cancel in the second feature", model=_linear([[0.0, 0.0]]),
            loss_fn=nn.MSELoss(), x=torch.tensor([[1.0, 1.0], [1.0, -1.0]]), y=torch.ones(2, 1),
            expected=np.array([1.0, 0.0]),
        ),
        Measured(
            name="one row (3, 4) and a hidden layer", model=deep, loss_fn=nn.MSELoss(),
            x=one_row, y=zero, expected=np.array([0.36, 0.64]),
        ),
    )  # fmt: skip


def wine(*, standardised: bool, name: str = "") -> Measured:
    """The lesson's network before its first step, and one batch of wine."""
    data = load_dataset("wine")
    rows, _ = train_test_split(
        np.arange(len(data.y)), test_size=0.5, stratify=data.y, random_state=SEED
    )
    x = StandardScaler().fit(data.x[rows]).transform(data.x) if standardised else data.x
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    inputs = torch.tensor(x[rows[:BATCH]], dtype=torch.float32)
    labels = torch.tensor(data.y[rows[:BATCH]])
    return Measured(
        name=name or ("standardised wine" if standardised else "raw wine"),
        model=model, loss_fn=nn.CrossEntropyLoss(), x=inputs, y=labels,
        expected=backprop_share(model, inputs.double().numpy(), labels.numpy()),
    )  # fmt: skip


def backprop_share(model: nn.Sequential, x: Array, y: npt.NDArray[np.int64]) -> Array:
    """The shares of Linear, ReLU, Linear under cross-entropy, by the chain rule in numpy.

    Without autograd, so that the check and an answer cannot share a mistake.

    Args:
        model: The three layers.
        x: Inputs, shape (rows, features).
        y: Class numbers, shape (rows,).

    Returns:
        Share of each feature in the squared gradient norm, shape (features,).
    """
    first, first_bias, last, last_bias = (
        weight.detach().double().numpy() for weight in model.parameters()
    )
    before = x @ first.T + first_bias  # (rows, hidden)
    logits = np.maximum(before, 0) @ last.T + last_bias  # (rows, classes)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = odds / odds.sum(axis=1, keepdims=True) - np.eye(len(last))[y]  # (rows, classes)
    gradient = ((error @ last) * (before > 0)).T @ x  # (hidden, features), times rows
    squares = (gradient**2).sum(axis=0)
    shares: Array = squares / squares.sum()
    return shares


def _linear(weight: list[list[float]]) -> nn.Linear:
    """A Linear layer with these weights, shape (units, features), and no shift."""
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.zero_()
    return layer
