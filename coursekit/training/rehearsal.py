"""A forward or backward pass on trial, which leaves no trace in the model or the random numbers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

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
    buffers, gradients = _taken_out(model)
    try:
        if dice is not None:
            dice.put_back()
        yield
    finally:
        for owner, name, buffer, values in buffers:
            owner._buffers[name] = buffer
            buffer.copy_(values)
        for parameter, gradient in gradients:
            parameter.grad = gradient
        now.put_back()


Buffers = list[tuple[nn.Module, str, Tensor, Tensor]]
Gradients = list[tuple[nn.Parameter, Tensor | None]]


def _taken_out(model: nn.Module) -> tuple[Buffers, Gradients]:
    """Each buffer with a copy of its values; the gradients themselves, taken off the weights."""
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    for parameter, _ in gradients:
        parameter.grad = None
    return buffers, gradients
