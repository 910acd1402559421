"""Model, optimizer, scheduler and random numbers, put back to a moment as often as one wants."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from coursekit.training.randomness import Randomness


class Rewind:
    """The moment at which it was made.

    Args:
        model: Its weights, buffers, gradients and modes are kept.
        optimizer: Its state is kept.
        scheduler: So is this one's, where there is one.
        data: What is iterated over: its generators are kept, as are the global ones.

    >>> model = nn.Linear(1, 1)
    >>> before = model.weight.item()
    >>> moment = Rewind(model, torch.optim.SGD(model.parameters(), lr=0.1))
    >>> _ = nn.init.constant_(model.weight, 7.0)
    >>> moment.back()
    >>> model.weight.item() == before
    True
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        scheduler: Any = None,
        data: Iterable[Any] = (),
    ) -> None:
        parts = [model, optimizer, scheduler]
        self._parts: list[Any] = [part for part in parts if part is not None]
        self._states = [copy.deepcopy(part.state_dict()) for part in self._parts]
        self._gradients = [
            (weight, None if weight.grad is None else weight.grad.clone())
            for weight in model.parameters()
        ]
        saved = model.state_dict()
        self._buffers = [  # those that no state holds
            (buffer, buffer.clone()) for name, buffer in model.named_buffers() if name not in saved
        ]
        self._modes = [(module, module.training) for module in model.modules()]
        self._randomness = Randomness(data)
        self._numbers = self._randomness.state_dict()

    def back(self) -> None:
        """Everything as it was, and no gradients."""
        for part, state in zip(self._parts, self._states, strict=True):
            part.load_state_dict(copy.deepcopy(state))
        with torch.no_grad():
            for buffer, values in self._buffers:
                buffer.copy_(values)
        for weight, _ in self._gradients:
            weight.grad = None
        for module, training in self._modes:
            module.training = training
        self._randomness.load_state_dict(self._numbers)

    def end(self) -> None:
        """Everything as it was, the gradients too."""
        self.back()
        for weight, gradient in self._gradients:
            weight.grad = gradient


@contextmanager
def standing(scheduler: Any) -> Iterator[None]:
    """A scheduler whose steps do nothing inside; None is no scheduler."""
    if scheduler is None:
        yield
        return
    scheduler.step = lambda *_, **__: None
    try:
        yield
    finally:
        del scheduler.step  # the class's own is back
