"""A forward or backward pass on trial, which leaves no trace in the model or the random numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from coursekit.training.buffers import Buffers
from coursekit.training.randomness import Dice


@contextmanager
def rehearsal(
    model: nn.Module, device: torch.device, *, dice: Dice | None = None
) -> Iterator[None]:
    """Put buffers (running statistics), gradients and random numbers back afterwards.

    Inside, no weight has a gradient. Weights are not looked after: make no update.

    Args:
        model: What the block calls.
        device: Where the model is.
        dice: Random numbers to draw inside; None goes on from the present ones.

    >>> model = nn.BatchNorm1d(1)
    >>> with rehearsal(model, torch.device("cpu")):
    ...     _ = model(torch.tensor([[1.0], [3.0]]))
    >>> model.running_mean
    tensor([0.])
    """
    now = Dice(device, always=True)
    now.note()
    buffers = Buffers(model)
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        if dice is not None:
            dice.put_back()
        yield
    finally:
        buffers.back()
        for parameter, gradient in gradients:
            parameter.grad = gradient
        now.put_back()
