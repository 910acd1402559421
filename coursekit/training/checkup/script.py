"""The script under examination: a model, its loop, and the way back to the start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.training.checkup.prices import LossFn
from coursekit.training.checkup.rewind import Rewind

FEW = 10  # batches: enough for the size of a column

OnePass = Callable[[list[Any]], object]


@dataclass(frozen=True, kw_only=True)
class Script:
    """What is examined.

    Attributes:
        one_pass: The loop, once over some batches.
        model: Fresh.
        loss_fn: Called with outputs and targets.
        optimizer: The one that the loop steps.
        schedulers: Those that it may step.
        batches: The first ones of the loader, each a pair of tensors.
        moment: To which all is put back before each measurement.
        rate_at: The learning rate that the loop is run at; None is the one that it has there. A
            schedule may begin far below its highest rate, or at 0.
    """

    one_pass: OnePass
    model: nn.Module
    loss_fn: LossFn
    optimizer: torch.optim.Optimizer
    schedulers: Sequence[Any]
    batches: list[Any]
    moment: Rewind
    rate_at: float | None = None

    @property
    def batch(self) -> Any:
        """The first batch."""
        return self.batches[0]

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """What is to be trained, by name."""
        return {name: w for name, w in self.model.named_parameters() if w.requires_grad}

    @property
    def matrices(self) -> dict[str, nn.Parameter]:
        """The weights without biases and scales."""
        return {name: w for name, w in self.weights.items() if w.ndim > 1}

    @property
    def rate(self) -> float:
        """The learning rate of now; the highest, where groups differ."""
        return max(float(group["lr"]) for group in self.optimizer.param_groups)

    def on_device(self) -> tuple[Tensor, Tensor]:
        """Inputs and targets of the first batch, where the model is."""
        device = next(self.model.parameters()).device
        inputs, targets = self.batch
        return inputs.to(device), targets.to(device)

    def at_first_weights(self) -> list[Tensor]:
        """What the first layer with a matrix gets, of the first batches, each of shape (rows, …).

        All in one where they have one shape; nothing where it gets whole numbers.
        """
        arrived: list[Tensor] = []
        firsts: list[nn.Module] = []

        def note(layer: nn.Module, given: tuple[Any, ...]) -> None:
            firsts.append(layer)
            if layer is firsts[0] and given and isinstance(given[0], Tensor):
                arrived.append(given[0].detach())

        own = [
            layer for layer in self.model.modules()
            if any(w.ndim > 1 for w in layer.parameters(recurse=False))
        ]  # fmt: skip
        handles = [layer.register_forward_pre_hook(note) for layer in own]
        device = next(self.model.parameters()).device
        self.model.train()
        try:
            with torch.no_grad():
                for inputs, _ in self.batches[:FEW]:
                    self.model(inputs.to(device))
        finally:
            for handle in handles:
                handle.remove()
        self.moment.back()
        real = [one for one in arrived if one.is_floating_point()]
        return [torch.cat(real)] if len({one.shape[1:] for one in real}) == 1 else real

    def loss(self) -> Tensor:
        """Of the first batch, in training mode."""
        inputs, targets = self.on_device()
        self.model.train()
        return self.loss_fn(self.model(inputs), targets).mean()

    def after(self, batches: list[Any]) -> None:
        """From the start, the loop once over these batches."""
        self.moment.back()
        now = self.rate
        for group in self.optimizer.param_groups:  # each group keeps its part
            if self.rate_at is not None:
                group["lr"] = group["lr"] / now * self.rate_at if now else self.rate_at
        self.model.train()
        self.one_pass(batches)

    def moved(self, batches: list[Any]) -> dict[str, float]:
        """How far each weight goes over these batches, as a part of its size."""
        start = {name: w.detach().clone() for name, w in self.weights.items()}
        self.after(batches)
        return {
            name: ((w.detach() - start[name]).norm() / (start[name].norm() + 1e-9)).item()
            for name, w in self.weights.items()
        }
