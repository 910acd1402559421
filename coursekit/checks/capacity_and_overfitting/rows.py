"""Task 2: the rows that the answer is called on, and the model that notes what it learnt."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.datasets import load_dataset

ROWS = 200


class Noted(nn.Sequential):
    """A small model with dropout that notes what it was trained on."""

    def __init__(self, outputs: int) -> None:
        super().__init__(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, outputs))
        self.rows: list[Tensor] = []
        self.targets: list[Tensor] = []
        self.one = outputs == 1

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of shape (rows, 4)."""
        outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
        return outputs[:, 0] if self.one else outputs


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows that the answer is called on.

    Attributes:
        name: What messages call them.
        x: Shape (rows, 4).
        y: Targets, shape (rows,).
        loss_fn: The criterion.
        outputs: How many the model has.
    """

    name: str
    x: Tensor
    y: Tensor
    loss_fn: nn.Module
    outputs: int


def tables() -> tuple[Rows, ...]:
    """Numbers and classes to be named, both sorted by the target.

    >>> [(len(rows.y), rows.outputs) for rows in tables()]
    [(200, 1), (178, 3)]
    """
    return (_table("diabetes", classes=0), _table("wine", classes=3))


def fit(model: Noted, x: Tensor, y: Tensor) -> None:
    """A few steps on all rows; the model ends in training mode."""
    model.rows.append(x.detach().clone())
    model.targets.append(y.detach().clone())
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    loss_fn = criterion(classes=not model.one)
    for _ in range(30):  # so many that other targets have another loss
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()


def criterion(*, classes: bool) -> nn.Module:
    """A mean over the rows that is not the first to come to mind: an answer uses what it gets.

    >>> criterion(classes=False)
    L1Loss()
    """
    return nn.CrossEntropyLoss(label_smoothing=0.2) if classes else nn.L1Loss()


def _table(name: str, *, classes: int) -> Rows:
    """Rows of a bundled table, four columns, sorted by the target."""
    data = load_dataset(name)
    order = np.argsort(data.y[:ROWS], kind="stable")
    x, y = data.x[order][:, :4], data.y[order].astype(np.float64)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = y if classes else (y - y.mean()) / y.std()
    return Rows(
        name=name,
        x=torch.tensor(x, dtype=torch.float32),
        y=torch.tensor(y, dtype=torch.int64 if classes else torch.float32),
        loss_fn=criterion(classes=bool(classes)),
        outputs=classes or 1,
    )
