"""Many runs of one program as one: their weights stacked along a new first axis.

The loss of every run is computed by ``torch.func.vmap`` in one pass. No run's loss depends on
another run's weights, so one backward pass through all the losses gives each run its own gradient,
and what is not finite in one run stays in its rows.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from coursekit.training.sweeping.update import Rates, Rule, State

Loss = Callable[[Any, Any], Tensor]
Floats = npt.NDArray[np.float64]

# What one chunk of a stack may take; more runs are trained chunk by chunk.
CPU_BYTES = 256 * 2**20
_GPU_SHARE = 0.5  # of the memory that is free


class Curves:
    """The losses of a stack, one number a run and epoch."""

    def __init__(self) -> None:
        self._means: list[Floats] = []
        self._sum: Tensor | None = None
        self._batches = 0

    def add(self, losses: Tensor) -> None:
        """Add the losses of one batch, shape (runs,); nothing waits for a GPU."""
        self._sum = losses if self._sum is None else self._sum + losses
        self._batches += 1

    def close_epoch(self) -> None:
        """Take the mean over the epoch to the host."""
        if self._sum is not None:
            self._means.append(_on_host(self._sum) / self._batches)
        self._sum, self._batches = None, 0

    def values(self) -> Floats:
        """The means, shape (runs, epochs)."""
        return np.stack(self._means, axis=1)


class Stack:
    """Runs of one program, trained batch by batch.

    Args:
        models: Of one program; their weights are copied, they themselves stay as they are.
        rows: Which model each run begins from, shape (runs,).
        rule: How the weights are updated, with the learning rate of each run.
        loss_fn: As for `coursekit.sweep`.
        device: Where to train.

    Attributes:
        weights: Name to the weights of all runs, each of shape (runs, …).
        buffers: Likewise.
        curves: The losses so far.
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        rows: Sequence[int],
        *,
        rule: Rule,
        loss_fn: Loss,
        device: torch.device,
    ) -> None:
        self._program, self._loss_fn, self._rule = models[0], loss_fn, rule
        weights, buffers = stack_module_state(list(models))
        self.weights = {name: _taken(stacked, rows, device) for name, stacked in weights.items()}
        self.buffers = {name: _taken(stacked, rows, device) for name, stacked in buffers.items()}
        self._trained = [weight for weight in self.weights.values() if weight.requires_grad]
        self._states: list[State] = [{} for _ in self._trained]
        self._rates = Rates(lr=torch.tensor(rule.lr, dtype=torch.float64))
        self.curves = Curves()
        self._losses = vmap(self._loss, in_dims=(0, 0, None, None))

    def gradients(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
        """The losses, shape (runs,), and the gradient of each trained weight, shape (runs, …).

        None stands for a weight that no loss depends on: torch.optim leaves it alone too.
        """
        losses = self._losses(self.weights, self.buffers, inputs, labels)
        ones = torch.ones_like(losses)
        found = torch.autograd.grad(losses, self._trained, ones, allow_unused=True)
        return losses.detach(), found

    @torch.no_grad()
    def untrained(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Floats:
        """The mean loss over some batches, without an update: shape (runs,)."""
        curves = Curves()
        for inputs, labels in batches:
            buffers = {name: buffer.clone() for name, buffer in self.buffers.items()}
            curves.add(self._losses(self.weights, buffers, inputs, labels))
        curves.close_epoch()
        return curves.values()[:, 0]

    def step(self, inputs: Tensor, labels: Tensor) -> None:
        """One update of every run; the losses before it are added to the curves."""
        losses, gradients = self.gradients(inputs, labels)
        with torch.no_grad():
            for weight, gradient, state in zip(
                self._trained, gradients, self._states, strict=True
            ):  # fmt: skip
                if gradient is not None:
                    self._rule.update(weight, gradient, state, self._rates, self._rule.options)
        self.curves.add(losses)

    def _loss(
        self, weights: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Any, labels: Any
    ) -> Tensor:
        """The loss of one run, as vmap sees it."""
        outputs = functional_call(self._program, (weights, buffers), (inputs,))
        return self._loss_fn(outputs, labels).reshape(())


def chunk_size(runs: int, *, bytes_a_run: int, device: torch.device) -> int:
    """How many runs to train at once, so that a chunk fits in memory.

    >>> chunk_size(4096, bytes_a_run=2**20, device=torch.device("cpu"))
    256
    """
    room = CPU_BYTES
    if device.type == "cuda":
        room = int(_GPU_SHARE * torch.cuda.mem_get_info(device)[0])
    return max(1, min(runs, room // max(1, bytes_a_run)))


def _taken(stacked: Tensor, rows: Sequence[int], device: torch.device) -> Tensor:
    """A leaf that holds a copy of the rows."""
    picked = stacked.detach()[torch.tensor(rows, device=stacked.device)].to(device)
    return picked.requires_grad_(stacked.requires_grad)


def _on_host(values: Tensor) -> Floats:
    """A tensor as doubles in numpy."""
    return values.detach().cpu().to(torch.float64).numpy()
