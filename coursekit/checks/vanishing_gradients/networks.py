"""Networks whose gradient norms are known without autograd: what task 2 is checked against."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

SEED = 104
BATCH = 32
DEPTH = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """A network, a batch, and the norms that a right measurement gives.

    Attributes:
        name: What messages call it.
        model: The network.
        loss_fn: The criterion.
        x: Inputs, shape (rows, features).
        y: Targets.
        expected: Gradient norm of each layer's weight, shape (layers,).
    """

    name: str
    model: nn.Module
    loss_fn: nn.Module
    x: Tensor
    y: Tensor
    expected: Array


class Branch(nn.Module):
    """A layer inside a layer: what it adds to its input has a Linear of its own."""

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of shape (rows, 1)."""
        summed: Tensor = inputs + self.inner(inputs)
        return summed


def by_hand() -> tuple[Measured, ...]:
    """Four networks whose norms a person can work out; their test does so.

    >>> [known.expected.round(3).tolist() for known in by_hand()]
    [[36.0, 24.0], [30.0], [1.0, 1.0], [81.0, 108.0, 54.0]]
    """
    one, zero = torch.ones(1, 1), torch.zeros(1, 1)
    return (
        Measured(
            name="a chain of weights 2 and 3",
            model=nn.Sequential(_linear([[2.0]]), _linear([[3.0]])),
            loss_fn=nn.MSELoss(), x=one, y=zero, expected=np.array([36.0, 24.0]),
        ),
        Measured(
            name="one layer with two inputs (3, 4)", model=_linear([[1.0, 0.0]]),
            loss_fn=nn.MSELoss(), x=torch.tensor([[3.0, 4.0]]), y=zero, expected=np.array([30.0]),
        ),
        Measured(
            name="a sigmoid at its middle",
            model=nn.Sequential(_linear([[0.0]]), nn.Sigmoid(), _linear([[2.0]])),
            loss_fn=nn.MSELoss(), x=one, y=zero, expected=np.array([1.0, 1.0]),
        ),
        Measured(
            name="a layer inside a layer",
            model=nn.Sequential(_linear([[2.0]]), Branch(_linear([[0.5]])), _linear([[3.0]])),
            loss_fn=nn.MSELoss(), x=one, y=zero, expected=np.array([81.0, 108.0, 54.0]),
        ),
    )  # fmt: skip


def ten_layers(activation: str, *, name: str = "") -> Measured:
    """The lesson's network before its first step, and one batch of digits.

    Args:
        activation: ``"sigmoid"`` or ``"tanh"``.
        name: What messages call it.
    """
    data = load_dataset("digits")
    x = torch.tensor(data.x[:BATCH] / 16, dtype=torch.float32)
    y = torch.tensor(data.y[:BATCH])
    kind = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[activation]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        hidden = [layer for _ in range(DEPTH) for layer in (nn.Linear(64, 64), kind())]
        model = nn.Sequential(*hidden, nn.Linear(64, 10))
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
    return Measured(
        name=name or f"ten layers of {activation}", model=model, loss_fn=nn.CrossEntropyLoss(),
        x=x, y=y, expected=backprop_norms(model, x.double().numpy(), y.numpy(), activation),
    )  # fmt: skip


def backprop_norms(
    model: nn.Sequential, x: Array, y: npt.NDArray[np.int64], activation: str
) -> Array:
    """The norms of a chain of layers under cross-entropy, by the chain rule in numpy.

    Without autograd, so that the check and an answer cannot share a mistake.

    Args:
        model: Linear layers with the activation between them.
        x: Inputs, shape (rows, features).
        y: Class numbers, shape (rows,).
        activation: ``"sigmoid"`` or ``"tanh"``.

    Returns:
        Gradient norm of each weight, shape (layers,).
    """
    pairs = [
        (layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())
        for layer in model
        if isinstance(layer, nn.Linear)
    ]
    came = [x]  # what each layer got
    for weight, bias in pairs[:-1]:
        summed = came[-1] @ weight.T + bias
        came.append(np.tanh(summed) if activation == "tanh" else 1 / (1 + np.exp(-summed)))
    logits = came[-1] @ pairs[-1][0].T + pairs[-1][1]  # (rows, classes)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = (odds / odds.sum(axis=1, keepdims=True) - np.eye(logits.shape[1])[y]) / len(y)
    norms = []
    for (weight, _), inputs in zip(reversed(pairs), reversed(came), strict=True):
        norms.append(math.sqrt(((error.T @ inputs) ** 2).sum()))
        slope = 1 - inputs**2 if activation == "tanh" else inputs * (1 - inputs)
        error = (error @ weight) * slope  # of the layer before; for the first layer it goes unused
    return np.array(norms[::-1])


def _linear(weight: list[list[float]]) -> nn.Linear:
    """A Linear layer with these weights, shape (units, features), and no shift."""
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.zero_()
    return layer
