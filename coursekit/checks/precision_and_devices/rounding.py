"""Layers that compute in float32 and round as float16 would, at no cost: what a step is tried on.

Matrix products in float16 are slow on many processors. What matters to a step is that gradients
are rounded to float16 on their way, and that can be had by itself.
"""

from typing import Any

import torch
from torch import Tensor, nn


class _Rounds(torch.autograd.Function):
    """The identity, whose gradient passes through float16."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor) -> Tensor:  # noqa: ARG004 (torch hands it over)
        """The numbers as they are."""
        return numbers.view_as(numbers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        """The gradient, rounded."""
        return gradients[0].half().float()


class RoundedLinear(nn.Linear):
    """A Linear layer whose gradients are rounded to float16: those of its weights, inputs, outputs.

    >>> layer = RoundedLinear(1, 1, bias=False)
    >>> (1e-9 * layer(torch.ones(1, 1))).sum().backward()
    >>> layer.weight.grad.item()
    0.0
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of shape (rows, features)."""
        weight = _rounded(self.weight)
        bias = None if self.bias is None else _rounded(self.bias)
        return _rounded(nn.functional.linear(_rounded(inputs), weight, bias))


def _rounded(numbers: Tensor) -> Tensor:
    """The same numbers; their gradient will be rounded."""
    result: Tensor = _Rounds.apply(numbers)  # type: ignore[no-untyped-call]
    return result
