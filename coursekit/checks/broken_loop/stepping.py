"""What task 1 is called with, what notes how its rows go through, and its step by hand."""

import copy
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

RATE = 0.01  # the gradient is fifty times as long as that of cross-entropy


class Loud(nn.CrossEntropyLoss):
    """Fifty times cross-entropy, so that another loss and a clipped gradient make another step.

    >>> round(Loud()(torch.zeros(1, 2), torch.tensor([0])).item() / 50, 2)  # ln 2
    0.69
    """

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """One number, from outputs of shape (rows, classes)."""
        return 50 * super().forward(outputs, labels)


@dataclass(frozen=True)
class Stepping:
    """The learner's function with an optimizer made for the model's copy that it is handed."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code
    momentum: float = 0.0

    def __call__(self, model: "Counted", batches: list[Tensor], size: int) -> None:
        """One step; where there are four tensors, backward() is called on the last two first.

        With momentum a step is taken along that, and .grad emptied.
        """
        loss_fn = Loud()
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=self.momentum)
        x, y, *earlier = batches
        if earlier:
            loss_fn(model(earlier[0]), earlier[1]).backward()
            if self.momentum:
                optimizer.step()
                optimizer.zero_grad()
            model.passes.clear()
            model.held = 0
        self.func(model, loss_fn, optimizer, x, y, size)


class Counted(nn.Sequential):
    """Layers that note how many rows went through at a time, and how many lay in memory at once.

    The inputs of the last layer are what backward() needs: they are gone when it is done, unless
    somebody keeps them.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.passes: list[tuple[int, weakref.ref[Tensor]]] = []
        self.held = 0

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of shape (rows, features)."""
        kept = sum(rows for rows, hidden in self.passes if hidden() is not None)
        self.held = max(self.held, kept + len(inputs))
        *body, last = self
        hidden = inputs
        for layer in body:
            hidden = layer(hidden)
        self.passes.append((len(inputs), weakref.ref(hidden)))
        outputs: Tensor = last(hidden)
        return outputs


def at_once(
    model: nn.Module, x: Tensor, y: Tensor, rows: int, momentum: float
) -> tuple[Tensor, Tensor]:
    """All weights in a row, before and after one step on all rows, by hand.

    With momentum the other rows have made a step before.
    """
    weights = parameters_to_vector(model.parameters()).detach()
    pace = torch.zeros_like(weights)
    if momentum:
        pace = _gradient(model, weights, x[rows:], y[rows:])
        weights = weights - RATE * pace
    pace = momentum * pace + _gradient(model, weights, x[:rows], y[:rows])
    return weights, weights - RATE * pace


def _gradient(model: nn.Module, weights: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of the mean loss at these weights, in a row."""
    twin = copy.deepcopy(model)
    vector_to_parameters(weights, twin.parameters())
    loss = Loud()(twin(x), y)
    return parameters_to_vector(torch.autograd.grad(loss, list(twin.parameters())))
