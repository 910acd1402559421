"""Small trainings that several statements are measured with."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.cases.rows import Parts, tensors


def mlp(*widths: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these widths, an activation between each two.

    >>> len(mlp(64, 32, 10))
    3
    """
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


def steps(
    x: Tensor, y: Tensor, *, batch_size: int, epochs: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches of these rows, epoch after epoch."""
    order = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(x), generator=order), batch_size):
            yield x[rows], y[rows]


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    parts: Parts,
    *,
    seed: int,
    loss_fn: Callable[[Tensor, Tensor], Any] = nn.functional.cross_entropy,
    batch_size: int = 32,
    epochs: int = 10,
) -> nn.Module:
    """Train on the first part, in batches; returns the model."""
    x, y = tensors(parts[0], "cpu").tensors
    for inputs, labels in steps(x, y, batch_size=batch_size, epochs=epochs, seed=seed):
        optimizer.zero_grad()
        loss_fn(model(inputs), labels).backward()
        optimizer.step()
    return model


def accuracy(model: nn.Module, parts: Parts) -> float:
    """Share of the last part's rows that are classified rightly."""
    x, y = tensors(parts[2], "cpu").tensors
    model.eval()
    with torch.no_grad():
        return float((model(x).argmax(dim=1) == y).float().mean())


def descend(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int = 100,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> list[float]:
    """Cross-entropy on the whole batch at each step, as in the documents' examples."""
    losses = []
    for _ in range(epochs):
        optimizer.zero_grad()
        loss: Any = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if scheduler is not None:
            scheduler.step()
    return losses


def least_loss(x: Tensor, y: Tensor) -> float:
    """The smallest cross-entropy that a linear model can reach on these rows, by L-BFGS."""
    model = nn.Linear(x.shape[1], int(y.max()) + 1).double()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss: Any = nn.functional.cross_entropy(model(x.double()), y)
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return float(closure().item())
