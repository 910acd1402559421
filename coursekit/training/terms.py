"""What the mean of a loss is taken over, so that means of unequal batches can be joined."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Count = Tensor | int


class Terms:
    """How much a batch counts in the mean over several batches.

    A mean over rows counts by its rows. A cross-entropy on class numbers divides by the labels that
    it does not ignore, or by the sum of their class weights; so that is what it counts by.

    Args:
        loss_fn: Asked for its ``reduction``, ``ignore_index`` and ``weight``, if it is one of
            torch's; a loss of one's own is taken for a mean over rows.

    Attributes:
        summed: Whether the loss is a sum, of which every batch counts in full.

    >>> terms = Terms(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0])))
    >>> float(terms.of(torch.tensor([0, 1, 1, -100])))
    7.0
    >>> Terms(nn.MSELoss()).of(torch.zeros(4, 2))
    4
    """

    def __init__(self, loss_fn: Callable[..., Any]) -> None:
        known = _keywords(loss_fn)
        self.summed = known.get("reduction", "mean") == "sum"
        self._ignored: int | None = known.get("ignore_index")
        self._weight: Tensor | None = known.get("weight")

    def of(self, labels: Tensor) -> Count:
        """What the loss of a batch with these labels, shape (rows, …), counts by."""
        if self.summed:
            return 1
        real = self._real(labels)
        if real is None:
            return rows(labels)
        if self._weight is None:
            return real.sum()
        known = labels[real].clamp(0, len(self._weight) - 1)  # what is no class is refused later
        return self._weight.to(labels.device)[known].sum()

    def rows(self, labels: Tensor) -> Count:
        """Labels that are not ignored."""
        real = self._real(labels)
        return rows(labels) if real is None else real.sum()

    def _real(self, labels: Tensor) -> Tensor | None:
        """Which labels are not ignored; None where the loss does not look labels up.

        Labels that are probabilities are not: there the mean is over rows.
        """
        if self._ignored is None or labels.dtype is not torch.int64:
            return None
        return labels.ne(self._ignored)


def rows(tensor: Tensor) -> int:
    """The rows of a batch; a single number is one."""
    return len(tensor) if tensor.dim() else 1


def _keywords(loss_fn: Callable[..., Any]) -> dict[str, Any]:
    """``reduction`` and, of a cross-entropy, ``ignore_index`` and ``weight``."""
    bound: dict[str, Any] = {}
    while isinstance(loss_fn, partial):
        bound = {**loss_fn.keywords, **bound}
        loss_fn = loss_fn.func
    if loss_fn in (nn.functional.cross_entropy, nn.functional.nll_loss):
        return {"ignore_index": -100, **bound}
    named = ("reduction", "ignore_index", "weight")
    looks_up = isinstance(loss_fn, nn.CrossEntropyLoss | nn.NLLLoss)
    wanted = named if looks_up else named[:1]
    return {**bound, **{name: getattr(loss_fn, name) for name in wanted if hasattr(loss_fn, name)}}
