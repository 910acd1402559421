"""The script under examination: a model, its loop, and the way back to the start."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.rnn import PackedSequence

from coursekit.training.checkup.prices import LossFn
from coursekit.training.checkup.rewind import Rewind

COMPUTED = ".parametrizations.weight."  # in the names of what PyTorch computes a weight from
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
        optimizers: All that hold weights of the model, this one too.
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
    optimizers: Sequence[torch.optim.Optimizer]
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

    def layers_of(self, names: Iterable[str]) -> list[str]:
        """Those of the matrices that are a layer's: tokens and positions are none.

        All of them, where the model has no layers at all.
        """
        names = list(names)
        own = [name for name in names if "weight" in name.split(".")[-1] or COMPUTED in name]
        return own or names

    def at_first_weights(self) -> list[Tensor]:
        """The inputs of the first layer that has a matrix and is fed real numbers.

        Of the first batches: one tensor of shape (rows, …), or several where their shapes differ. A
        table of an embedding is fed places, which are whole numbers.
        """
        arrived: list[Tensor] = []
        firsts: list[nn.Module] = []

        def note(layer: nn.Module, given: tuple[Any, ...]) -> None:
            fed = given[0] if given else None
            fed = fed.data if isinstance(fed, PackedSequence) else fed
            if isinstance(fed, Tensor) and fed.is_floating_point():
                firsts.append(layer)
                if layer is firsts[0]:
                    arrived.append(fed.detach())

        handles = [layer.register_forward_pre_hook(note) for layer in _with_matrices(self.model)]
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
        return [torch.cat(arrived)] if len({one.shape[1:] for one in arrived}) == 1 else arrived

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
        start = self._values()
        self.after(batches)
        return self._away_from(start)

    def moved_by_step(self, batches: list[Any]) -> dict[str, float]:
        """How far the first step of the optimizer takes each weight; nothing where it makes none.

        What the loop does to the weights before it does not count.
        """
        seen: list[dict[str, Tensor]] = []
        ways: dict[str, float] = {}

        def before(*_: Any) -> None:
            if not seen:
                seen.append(self._values())

        def after(*_: Any) -> None:
            ways.update(ways or self._away_from(seen[0]))

        handles = [
            self.optimizer.register_step_pre_hook(before),
            self.optimizer.register_step_post_hook(after),
        ]
        try:
            self.after(batches)
        finally:
            for handle in handles:
                handle.remove()
        return ways

    def moved_between_passes(self, batches: list[Any]) -> dict[str, float]:
        """How far each weight goes from the end of a pass to the first step of the next.

        Only the second pass is asked: layers may take their first weights from the first batch.
        """
        self.after(batches)
        end = self._values()
        ways: dict[str, float] = {}

        def before(*_: Any) -> None:
            ways.update(ways or self._away_from(end))

        handle = self.optimizer.register_step_pre_hook(before)
        try:
            self.one_pass(batches)
        finally:
            handle.remove()
        return ways

    def _values(self) -> dict[str, Tensor]:
        """A copy of the weights."""
        return {name: w.detach().clone() for name, w in self.weights.items()}

    def _away_from(self, start: dict[str, Tensor]) -> dict[str, float]:
        """How far each weight is from there, as a part of its size there."""
        return {
            name: ((w.detach() - start[name]).norm() / (start[name].norm() + 1e-9)).item()
            for name, w in self.weights.items()
        }


def _with_matrices(model: nn.Module) -> list[nn.Module]:
    """Layers that have a matrix themselves; one that computes it has it too."""
    inside = {
        id(part)
        for layer in model.modules() if is_parametrized(layer)
        for part in layer.get_submodule("parametrizations").modules()
    }  # fmt: skip
    return [
        layer for layer in model.modules()
        if id(layer) not in inside
        and (is_parametrized(layer) or any(w.ndim > 1 for w in layer.parameters(recurse=False)))
    ]  # fmt: skip
