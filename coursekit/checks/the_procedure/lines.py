"""The lines of the routine, measured on what an answer returns: what task 2 is judged by."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

SHORTEST, LONGEST = 1e-4, 0.3  # of a layer's weights: the limits of the lesson
MARK = 1e6  # far above any gradient of these networks


@dataclass(frozen=True, kw_only=True)
class Lines:
    """What the routine measures of a fresh model and its loop.

    Attributes:
        cost: What a right and certain answer costs, over what a guess costs.
        old: Whether a step uses old gradients.
        still: The parameters that do not move.
        step: The longest first step of a layer, over the size of its weights.
    """

    cost: float
    old: bool
    still: tuple[str, ...]
    step: float


def lines_of(
    one_pass: Callable[[Any], object],
    model: nn.Module,
    loader: Any,
    loss_fn: Any,
    optimizer: torch.optim.Optimizer,
) -> Lines:
    """Measure them; model and optimizer are as before afterwards.

    Args:
        one_pass: The loop, once over some batches.
        model: Gives logits, or probabilities, of shape (rows, classes).
        loader: Batches of rows and class numbers.
        loss_fn: The criterion.
        optimizer: What the loop steps.
    """
    start = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    batch = next(iter(loader))
    old, still = _loop(one_pass, model, optimizer, batch)
    _back(model, optimizer, start)
    one_pass([batch])
    step = max(
        ((weight - start[0][name]).norm() / start[0][name].norm().clamp(min=1e-9)).item()
        for name, weight in model.named_parameters()
        if weight.ndim > 1
    )
    _back(model, optimizer, start)
    return Lines(cost=_cost(model, loss_fn, *batch), old=old, still=still, step=_short(step))


def _back(model: nn.Module, optimizer: torch.optim.Optimizer, start: tuple[Any, Any]) -> None:
    """Everything as it was at the start."""
    model.load_state_dict(start[0])
    optimizer.load_state_dict(copy.deepcopy(start[1]))
    model.zero_grad()
    optimizer.zero_grad()


def _loop(
    one_pass: Callable[[Any], object],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Any,
) -> tuple[bool, tuple[str, ...]]:
    """Whether a mark in ``.grad`` outlives a step, and what does not move in two steps."""
    seen: list[bool] = []
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def look(*_: object) -> None:
        grads = [weight.grad for weight in model.parameters() if weight.grad is not None]
        seen.append(any(bool((grad.abs() > MARK / 10).any()) for grad in grads))

    def mark(*_: object) -> None:
        for weight in model.parameters():
            if weight.grad is not None:
                weight.grad.fill_(MARK)

    hooks = [optimizer.register_step_pre_hook(look), optimizer.register_step_post_hook(mark)]
    try:
        one_pass([batch, batch])
    finally:
        for hook in hooks:
            hook.remove()
    still = [n for n, weight in model.named_parameters() if torch.equal(weight, before[n])]
    return any(seen[1:]), tuple(still)


def _cost(model: nn.Module, loss_fn: Any, x: Tensor, y: Tensor) -> float:
    """What a right and certain answer costs, over what the first outputs cost."""
    with torch.no_grad():
        outputs: Tensor = model(x)
        sums = outputs.sum(dim=1)
        ones = torch.ones_like(sums)
        right = nn.functional.one_hot(y, outputs.shape[1]).float()
        if torch.allclose(outputs.exp().sum(dim=1), ones):  # logarithms of probabilities
            right = 50 * right - 50
        elif not (bool((outputs >= 0).all()) and torch.allclose(sums, ones)):  # logits
            right = 50 * right
        return _short(float(loss_fn(right, y)) / float(loss_fn(outputs, y)))


def _short(number: float) -> float:
    """Two digits of it: the others differ from machine to machine."""
    return float(f"{number:.2g}")
