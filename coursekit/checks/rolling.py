"""Gives an optimizer the averages of an earlier step, and leaves the weights where they are."""

import torch
from torch.optim import Optimizer


def roll(optimizer: Optimizer, gradient: float) -> None:
    """Let an optimizer take a step, and put the weights back.

    Args:
        optimizer: An optimizer that has taken no step yet.
        gradient: Each entry of the gradient of that step.

    >>> weight = torch.nn.Parameter(torch.ones(1))
    >>> optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    >>> roll(optimizer, 2.0)
    >>> weight.item(), optimizer.state[weight]["momentum_buffer"].item()
    (1.0, 2.0)
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    start = [weight.detach().clone() for weight in weights]
    for weight in weights:
        weight.grad = torch.full_like(weight, gradient)
    optimizer.step()
    optimizer.zero_grad()
    with torch.no_grad():
        for weight, old in zip(weights, start, strict=True):
            weight.copy_(old)
