"""Networks whose gradients are known without autograd: what measurements are checked against."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

WINE_SEED = 101
WINE_ROWS = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """A network, a batch, and what a right measurement gives.

    Attributes:
        name: What messages call it.
        model: The network.
        loss_fn: The criterion.
        x: Inputs, shape (rows, features).
        y: Targets.
        expected: The right answer: one number a feature, or one a layer.
    """

    name: str
    model: nn.Module
    loss_fn: nn.Module
    x: Tensor
    y: Tensor
    expected: Array


class Table(nn.Module):
    """Adds a weight that is no Linear's: what a network learns about each place in its input."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.tensor([values]))  # (1, features): two axes, as a Linear's

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of shape (rows, features)."""
        summed: Tensor = inputs + self.table
        return summed


def linear(weight: list[list[float]]) -> nn.Linear:
    """A Linear layer with these weights, and no shift.

    Args:
        weight: Shape (units, features).

    >>> linear([[1.0, 2.0]]).weight.tolist()
    [[1.0, 2.0]]
    """
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.zero_()
    return layer


def wine(*, standardised: bool, name: str = "") -> Measured:
    """Lesson 01's network before its first step, one batch of wine, and its gradient shares.

    Args:
        standardised: Whether the rows are.
        name: What messages call it.

    >>> wine(standardised=False).expected.argmax().item()  # proline
    12
    """
    data = load_dataset("wine")
    rows, _ = train_test_split(
        np.arange(len(data.y)), test_size=0.5, stratify=data.y, random_state=WINE_SEED
    )
    x = StandardScaler().fit(data.x[rows]).transform(data.x) if standardised else data.x
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(WINE_SEED)
        model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    inputs = torch.tensor(x[rows[:WINE_ROWS]], dtype=torch.float32)
    labels = torch.tensor(data.y[rows[:WINE_ROWS]])
    gradients = backprop(model, inputs.double().numpy(), labels.numpy())
    return Measured(
        name=name or ("standardised wine" if standardised else "raw wine"),
        model=model, loss_fn=nn.CrossEntropyLoss(), x=inputs, y=labels,
        expected=(gradients[0] ** 2).sum(axis=0) / (gradients[0] ** 2).sum(),
    )  # fmt: skip


def backprop(model: nn.Sequential, x: Array, y: npt.NDArray[np.int64]) -> list[Array]:
    """The gradients of a chain of layers under cross-entropy, by the chain rule in numpy.

    Without autograd, so that the check and an answer cannot share a mistake.

    Args:
        model: Linear layers, and between each two a ReLU, a Sigmoid or a Tanh.
        x: Inputs, shape (rows, features).
        y: Class numbers, shape (rows,).

    Returns:
        The gradient of the mean loss in each Linear's weight, shape (units, features).

    >>> layer = linear([[0.0, 0.0], [0.0, 0.0]])  # it gives both classes one half
    >>> backprop(nn.Sequential(layer), np.array([[4.0, 2.0]]), np.array([0]))[0].tolist()
    [[-2.0, -1.0], [2.0, 1.0]]
    """
    weights, shifts, kinds = _parts(model)
    came = [x]  # what each Linear got
    for weight, shift, kind in zip(weights[:-1], shifts[:-1], kinds, strict=True):
        came.append(_bent(came[-1] @ weight.T + shift, kind))
    error = _error(came[-1] @ weights[-1].T + shifts[-1], y)
    gradients = [error.T @ came[-1]]
    for place in range(len(kinds), 0, -1):  # from the last Linear to the one before
        error = (error @ weights[place]) * _slope(came[place], kinds[place - 1])
        gradients.insert(0, error.T @ came[place - 1])
    return gradients


def _parts(model: nn.Sequential) -> tuple[list[Array], list[Array], list[nn.Module]]:
    """The weights and shifts of the Linear layers, and the activations between them."""
    linears = [layer for layer in model if isinstance(layer, nn.Linear)]
    weights = [layer.weight.detach().double().numpy() for layer in linears]
    shifts = [layer.bias.detach().double().numpy() for layer in linears]
    return weights, shifts, [layer for layer in model if not isinstance(layer, nn.Linear)]


def _error(logits: Array, y: npt.NDArray[np.int64]) -> Array:
    """The gradient of the mean cross-entropy in the logits, shape (rows, classes)."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    error: Array = (odds / odds.sum(axis=1, keepdims=True) - np.eye(logits.shape[1])[y]) / len(y)
    return error


def _bent(summed: Array, kind: nn.Module) -> Array:
    """What an activation makes of its inputs."""
    match kind:
        case nn.ReLU():
            return np.maximum(summed, 0)
        case nn.Sigmoid():
            return np.asarray(1 / (1 + np.exp(-summed)))
    return np.tanh(summed)


def _slope(bent: Array, kind: nn.Module) -> Array:
    """An activation's slope, by what it gave."""
    match kind:
        case nn.ReLU():
            return (bent > 0).astype(np.float64)
        case nn.Sigmoid():
            return bent * (1 - bent)
    return 1 - bent**2
