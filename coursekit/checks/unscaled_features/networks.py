"""Networks whose gradient shares a person can work out: what task 2 is checked against."""

import numpy as np
import torch
from torch import nn

from coursekit.checks.networks import Measured, Table, linear


def by_hand() -> tuple[Measured, ...]:
    """Four networks whose shares a person can work out; their test does so.

    >>> [known.expected.tolist() for known in by_hand()]
    [[0.36, 0.64], [1.0, 0.0], [0.36, 0.64], [0.36, 0.64]]
    """
    deep = nn.Sequential(
        nn.Identity(),
        nn.Sequential(linear([[1.0, 0.0], [1.0, 1.0]]), nn.ReLU()),
        linear([[1.0, 2.0]]),
    )
    one_row, zero = torch.tensor([[3.0, 4.0]]), torch.zeros(1, 1)
    return (
        Measured(
            name="one row (3, 4)", model=linear([[1.0, 1.0]]), loss_fn=nn.MSELoss(),
            x=one_row, y=zero, expected=np.array([0.36, 0.64]),
        ),
        Measured(
            name="two rows that cancel in the second feature", model=linear([[0.0, 0.0]]),
            loss_fn=nn.MSELoss(), x=torch.tensor([[1.0, 1.0], [1.0, -1.0]]), y=torch.ones(2, 1),
            expected=np.array([1.0, 0.0]),
        ),
        Measured(
            name="one row (3, 4) and a hidden layer", model=deep, loss_fn=nn.MSELoss(),
            x=one_row, y=zero, expected=np.array([0.36, 0.64]),
        ),
        Measured(
            name="one row (3, 4) and a table in front",
            model=nn.Sequential(Table([0.0, 0.0]), linear([[1.0, 1.0]])), loss_fn=nn.MSELoss(),
            x=one_row, y=zero, expected=np.array([0.36, 0.64]),
        ),
    )  # fmt: skip
