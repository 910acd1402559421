"""Networks whose gradient norms are known without autograd: what task 2 is checked against."""

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.networks import Measured, Table, backprop, linear
from coursekit.datasets import load_dataset

SEED = 104
BATCH = 32
DEPTH = 10


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
    """Five networks whose norms a person can work out; their test does so.

    >>> [known.expected.round(3).tolist() for known in by_hand()]
    [[36.0, 24.0], [30.0], [1.0, 1.0], [81.0, 108.0, 54.0], [96.0]]
    """
    one, zero = torch.ones(1, 1), torch.zeros(1, 1)
    convolution = nn.Conv1d(1, 1, kernel_size=1, bias=False)
    nn.init.constant_(convolution.weight, 2.0)
    others = [Table([1.0]), nn.Unflatten(1, (1, 1)), convolution, nn.Flatten()]
    return (
        Measured(
            name="a chain of weights 2 and 3",
            model=nn.Sequential(linear([[2.0]]), linear([[3.0]])),
            loss_fn=nn.MSELoss(), x=one, y=zero, expected=np.array([36.0, 24.0]),
        ),
        Measured(
            name="one layer with two inputs (3, 4)", model=linear([[1.0, 0.0]]),
            loss_fn=nn.MSELoss(), x=torch.tensor([[3.0, 4.0]]), y=zero, expected=np.array([30.0]),
        ),
        Measured(
            name="a sigmoid at its middle",
            model=nn.Sequential(linear([[0.0]]), nn.Sigmoid(), linear([[2.0]])),
            loss_fn=nn.MSELoss(), x=one, y=zero, expected=np.array([1.0, 1.0]),
        ),
        Measured(
            name="a layer inside a layer",
            model=nn.Sequential(linear([[2.0]]), Branch(linear([[0.5]])), linear([[3.0]])),
            loss_fn=nn.MSELoss(), x=one, y=zero, expected=np.array([81.0, 108.0, 54.0]),
        ),
        Measured(
            name="one nn.Linear behind a table and a convolution",
            model=nn.Sequential(*others, linear([[3.0]])),
            loss_fn=nn.MSELoss(), x=one, y=zero, expected=np.array([96.0]),
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
    gradients = backprop(model, x.double().numpy(), y.numpy())
    return Measured(
        name=name or f"ten layers of {activation}", model=model, loss_fn=nn.CrossEntropyLoss(),
        x=x, y=y, expected=np.array([np.linalg.norm(gradient) for gradient in gradients]),
    )  # fmt: skip
