"""Model, optimizer, schedulers and random numbers, put back to a moment as often as one wants."""

import copy
import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from coursekit.training.randomness import Randomness


class Rewind:
    """The moment at which it was made.

    Args:
        model: Its weights, buffers, gradients and modes are kept.
        optimizer: Its state is kept.
        schedulers: So is that of each of these.
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
        schedulers: Sequence[Any] = (),
        data: Iterable[Any] = (),
    ) -> None:
        self._parts: list[Any] = [model, optimizer, *schedulers]
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


def schedulers_of(optimizer: torch.optim.Optimizer) -> list[LRScheduler]:
    """PyTorch's schedulers of this optimizer. It does not know them; the garbage collector does.

    >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    >>> schedulers_of(optimizer)
    []
    >>> scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3)
    >>> schedulers_of(optimizer) == [scheduler]
    True
    """
    return [
        found for found in gc.get_objects()
        # By its type: some programs' objects load a library when they are asked for their class.
        if issubclass(type(found), LRScheduler) and vars(found).get("optimizer") is optimizer
    ]  # fmt: skip


@contextmanager
def standing(schedulers: Iterable[Any]) -> Iterator[None]:
    """Schedulers whose steps do nothing inside."""
    with ExitStack() as stack:
        for scheduler in schedulers:
            scheduler.step = lambda *_, **__: None
            stack.callback(delattr, scheduler, "step")  # the class's own is back
        yield
