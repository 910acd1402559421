"""Model, optimizer, schedulers and random numbers, put back to a moment as often as one wants."""

import copy
import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from coursekit.training.buffers import Buffers
from coursekit.training.randomness import Randomness


class Rewind:
    """The moment at which it was made.

    Args:
        model: Its weights, buffers, gradients and modes are kept.
        optimizer: Its state is kept, and weights that it holds and the model does not.
        others: What else has a state: schedulers, other optimizers, a loss with weights.
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
        others: Sequence[Any] = (),
        data: Iterable[Any] = (),
    ) -> None:
        self._parts: list[Any] = [model, optimizer, *others]
        self._states = [copy.deepcopy(part.state_dict()) for part in self._parts]
        weights = {id(weight): weight for weight in model.parameters()}
        held = {id(w): w for part in self._parts for w in weights_of(part)}
        self._gradients = [
            (weight, None if weight.grad is None else weight.grad.clone())
            for weight in (weights | held).values()
        ]
        self._values = [  # what no state holds
            (weight, weight.detach().clone()) for key, weight in held.items() if key not in weights
        ]
        self._buffers = Buffers(model)
        self._modes = [(module, module.training) for module in model.modules()]
        self._randomness = Randomness(data)
        self._numbers = self._randomness.state_dict()

    def back(self) -> None:
        """Everything as it was, and no gradients."""
        self._buffers.back()  # first: a state fits into those of its own shapes
        for part, state in zip(self._parts, self._states, strict=True):
            part.load_state_dict(copy.deepcopy(state))
        with torch.no_grad():
            for value, first in self._values:
                value.copy_(first)
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


def weights_of(part: object) -> list[Tensor]:
    """What an optimizer holds; nothing for anything else."""
    groups = part.param_groups if isinstance(part, torch.optim.Optimizer) else []
    return [weight for group in groups for weight in group["params"]]


def companions(
    model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[list[torch.optim.Optimizer], list[LRScheduler]]:
    """PyTorch's other optimizers of these weights, and the schedulers of all of them.

    Model and optimizer do not know them; the garbage collector does.

    >>> model = nn.Linear(1, 1)
    >>> optimizer, other = (torch.optim.SGD(model.parameters(), lr=0.1) for _ in range(2))
    >>> scheduler = torch.optim.lr_scheduler.StepLR(other, step_size=3)
    >>> companions(model, optimizer) == ([other], [scheduler])
    True
    """
    weights = {id(weight) for weight in [*model.parameters(), *weights_of(optimizer)]}
    alive = gc.get_objects()
    # By its type: some programs' objects load a library when they are asked for their class.
    optimizers = [
        found for found in alive
        if issubclass(type(found), torch.optim.Optimizer) and found is not optimizer
        and any(id(weight) in weights for weight in weights_of(found))
    ]  # fmt: skip
    stepped = {id(optimizer), *map(id, optimizers)}
    schedulers = [
        found for found in alive
        if issubclass(type(found), LRScheduler) and id(vars(found).get("optimizer")) in stepped
    ]  # fmt: skip
    return optimizers, schedulers


@contextmanager
def standing(schedulers: Iterable[Any]) -> Iterator[None]:
    """Schedulers whose steps do nothing inside."""
    with ExitStack() as stack:
        for scheduler in schedulers:
            scheduler.step = lambda *_, **__: None
            stack.callback(delattr, scheduler, "step")  # the class's own is back
        yield
