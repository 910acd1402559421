"""The buffers of a model: running statistics, and whatever else a forward pass writes."""

import torch
from torch import nn


class Buffers:
    """As they were when this was made.

    A pass may write into a buffer, or put another tensor in its place (``self.seen = …``).

    Args:
        model: Its buffers and those of its modules are kept, saved with the model or not.

    >>> model = nn.BatchNorm1d(1)
    >>> buffers = Buffers(model)
    >>> model.running_mean = torch.ones(1, 1)
    >>> buffers.back()
    >>> model.running_mean
    tensor([0.])
    """

    def __init__(self, model: nn.Module) -> None:
        self._kept = [
            (module, name, buffer, None if buffer is None else buffer.clone())
            for module in model.modules()
            for name, buffer in module._buffers.items()
        ]

    @torch.no_grad()
    def back(self) -> None:
        """The same tensors in the same places, with the same values."""
        for module, name, buffer, values in self._kept:
            module._buffers[name] = buffer
            if buffer is not None and values is not None:
                buffer.copy_(values)
