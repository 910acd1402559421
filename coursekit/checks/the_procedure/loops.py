"""Small loops of which it is known what they leave out: what tasks 1 and 4 are tried on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD

Batch = tuple[Tensor, Tensor]
Emptied = Literal["first", "last", "zeros", "model", "never", "once"]
Rows = Literal["", "empty column", "empty batches", "larger"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """A loop around a small network.

    Attributes:
        name: What messages call it.
        one_pass: The loop, once over some batches.
        model: The network that it trains.
        optimizer: Its optimizer.
        batches: Some batches.
        still: The parameters that it does not move.
    """

    name: str
    one_pass: Callable[[Iterable[Batch]], None]
    model: nn.Module
    optimizer: torch.optim.Optimizer
    batches: list[Batch]
    still: frozenset[str] = frozenset()


def loop(
    name: str,
    *,
    emptied: Emptied = "first",
    lr: float = 0.1,
    fault: str = "",
    small: bool = False,
    still: str = "",
    rows: Rows = "",
) -> Loop:
    """A loop of that kind.

    Args:
        name: What messages call it.
        emptied: When the gradients are emptied: before ``backward``, behind the step, in place,
            through the model between the loss and ``backward``, never, or once a pass.
        lr: Learning rate of SGD.
        fault: ``"frozen"``, ``"held"`` (the optimizer holds the first layer alone), ``"zero"``
            (all weights start at zero), or nothing.
        small: Whether in each parameter one entry, in its middle, starts at zero: it moves however
            short the step is, and the others may stay.
        still: What it does not move, with blanks between the names.
        rows: What is special about them: the first column is zero; the first and the last of three
            batches are; or the second of two is ten times as large.

    >>> loop("sound").model[0].weight.shape
    torch.Size([8, 4])
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(15)
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        x, y = _scaled(torch.randn(32, 4), rows), torch.randint(0, 3, (32,))
    for weight in model.parameters():
        _emptied(weight, whole=fault == "zero", middle=small)
    for weight in model[0].parameters():
        weight.requires_grad = fault != "frozen"
    held = model[0].parameters() if fault == "held" else model.parameters()
    sizes = [8, 16, 8] if rows == "empty batches" else [16, 16]
    batches = list(zip(x.split(sizes), y.split(sizes), strict=True))  # type: ignore[no-untyped-call]
    optimizer = SGD([weight for weight in held if weight.requires_grad], lr=lr)
    return Loop(
        name=name, one_pass=_pass(model, optimizer, emptied), model=model, optimizer=optimizer,
        batches=batches, still=frozenset(still.split()),
    )  # fmt: skip


def _emptied(weight: nn.Parameter, *, whole: bool, middle: bool) -> None:
    """Put zeros into a weight: everywhere, or in the middle."""
    with torch.no_grad():
        if whole:
            weight.zero_()
        if middle:
            weight.view(-1)[weight.numel() // 2] = 0


def _scaled(x: Tensor, rows: Rows) -> Tensor:
    """Inputs of the batches, some of them zero or larger; shape (32, 4)."""
    if rows == "empty column":
        x[:, 0] = 0
    if rows == "empty batches":
        x[:8] = x[24:] = 0
    if rows == "larger":
        x[16:] *= 10
    return x


def _pass(
    model: nn.Module, optimizer: torch.optim.Optimizer, emptied: Emptied
) -> Callable[[Iterable[Batch]], None]:
    """One pass of the plain loop, which empties the gradients at that place."""

    def one_pass(batches: Iterable[Batch]) -> None:
        if emptied == "once":
            optimizer.zero_grad()
        for inputs, labels in batches:
            if emptied in ("first", "zeros"):
                optimizer.zero_grad(set_to_none=emptied == "first")
            loss: Tensor = nn.functional.cross_entropy(model(inputs), labels)
            if emptied == "model":  # as sound here: the gradients come in backward
                model.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if emptied == "last":
                optimizer.zero_grad()

    return one_pass


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of what the model holds."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def left_as_before(model: nn.Module, before: dict[str, Tensor]) -> bool:
    """Whether the model holds what it held."""
    return all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
