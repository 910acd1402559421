"""Readings of a PyTorch run: what is gathered around a step, and how it is written down."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from coursekit.records.quantities import (
    PER_BOUNDED,
    PER_LAYER,
    PER_RELU,
    PER_STEP,
    PER_WEIGHT_LAYER,
    TIMES,
)
from coursekit.vitals.ledger import Ledger
from coursekit.vitals.readings import DeadUnits, Floats, ratio
from coursekit.vitals.torch.clock import Lap
from coursekit.vitals.torch.forward import ForwardWatch, Pass
from coursekit.vitals.torch.weights import Weights


class Reading:
    """What is gathered for one step; all tensors stay on their device.

    Attributes:
        losses: What ``backward`` was called on since the gradients were last cleared.
        passes: The forward passes behind those losses.
        labels: Their class numbers and the number of classes, where they were found.
        copied_labels: The same of one pass, as a copy on the host.
        gradients: Norms of the gradients and which weights have one, if measured already.
        squares: Squared norms of gradient, weights and update, each layer by layer, if measured.
        broken: Entries of the gradients that are NaN or infinite, if counted already.
        without: The name of a weight without a gradient, if there is one.
        training: Whether the model was in train mode.
        lr: The learning rate of the step.
        scale: By how much the loss was multiplied for the backward pass, if it was.
        memory: Bytes of device memory in use after the step; None on the CPU.
        lap: When what of the step happened.
    """

    gradients: tuple[list[Tensor], Any] | None = None
    copied_labels: tuple[npt.NDArray[np.int64], int] | None = None
    squares: tuple[list[float], list[float], list[float]] | None = None
    broken = 0
    without: str | None = None
    training = True
    lr = math.nan
    scale: Tensor | None = None
    memory: int | None = None
    lap: Lap | None = None

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget the losses so far: the gradients were cleared, so they count no more."""
        self.losses: list[Tensor] = []
        self.passes: list[Pass] = []
        self.labels: list[tuple[Tensor, int]] = []


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What was measured at some steps, on the host; NaN where there was nothing to measure.

    Attributes:
        loss: Sum of the losses, shape (steps,).
        scale: What the loss was multiplied by, likewise; None where it was not.
        gradient: Gradient norm per layer that owns weights, shape (steps, weight layers).
        weight: Norm of the weights before the step, likewise.
        moved: Norm of what the step changed, likewise.
        broken: Entries of losses and gradients that are NaN or infinite, shape (steps,).
        means: Mean output per leaf module, shape (steps, leaf modules).
        stds: Standard deviation of the output, likewise.
        saturated: Share of outputs near a bound, shape (steps, bounded activations).
        peaks: Name of a ReLU layer to the largest output of each unit, shape (steps, units).
        features: Mean and standard deviation of each input feature, shape (steps, features).
        counts: Labels per class, shape (steps, classes), if they were found.
        seen: The leaf modules that were called.
    """

    loss: Floats
    scale: Floats | None
    gradient: Floats
    weight: Floats
    moved: Floats
    broken: Floats
    means: Floats
    stds: Floats
    saturated: Floats
    peaks: Mapping[str, Floats] = field(default_factory=dict)
    features: tuple[Floats, Floats] | None = None
    counts: Floats | None = None
    seen: tuple[str, ...] = ()


class Clerk:
    """Writes readings into the ledger."""

    def __init__(self, model: nn.Module, weights: Weights, forward: ForwardWatch) -> None:
        reads = forward.reads
        watched = {*weights.layers, *reads.leaves}
        names = [name for name, _ in model.named_modules() if name in watched]
        self.ledger = Ledger(framework="torch", layers=names)
        self.ledger.open(PER_STEP)
        self.ledger.open(TIMES, unit="s")
        self.ledger.open(PER_WEIGHT_LAYER, labels=weights.layers)
        self.ledger.open(PER_LAYER, labels=[*reads.leaves])
        self.ledger.open(PER_RELU, labels=reads.relus)
        self.ledger.open(PER_BOUNDED, labels=[*reads.bounds])
        self.dead = DeadUnits()
        self.seen: set[str] = set()
        self._reads = reads

    def write(self, steps: Sequence[int], readings: Sequence[Reading], numbers: Numbers) -> None:
        """Write the readings of some steps, in their order."""
        rates = np.array([(one.lr, one.training, *_seconds(one)) for one in readings])
        columns: dict[str, Floats] = {
            "loss": numbers.loss,
            "learning_rate": rates[:, 0],
            "train_mode": rates[:, 1],
            "non_finite": numbers.broken,
            "data_time_s": rates[:, 2],
            "compute_time_s": rates[:, 3],
            "gradient_norm": numbers.gradient,
            "weight_norm": numbers.weight,
            "update_ratio": ratio(numbers.moved, numbers.weight),
            "activation_mean": numbers.means,
            "activation_std": numbers.stds,
            "saturated_fraction": numbers.saturated,
            "dead_fraction": self._dead(len(steps), numbers),
        }
        for quantity, values in columns.items():
            if quantity in self.ledger:
                self.ledger.extend(quantity, steps, values)
        self._write_rest(steps, readings, numbers)
        self.seen.update(numbers.seen)
        for reading in readings:
            self._note(reading)

    def _dead(self, steps: int, numbers: Numbers) -> Floats:
        """Share of dead units, shape (steps, ReLU layers)."""
        shares = np.empty((steps, len(self._reads.relus)))
        for column, layer in enumerate(self._reads.relus):
            if layer in numbers.peaks:
                shares[:, column] = self.dead.shares(layer, numbers.peaks[layer])
            else:
                shares[:, column] = self.dead.share(layer)
        return shares

    def _write_rest(
        self, steps: Sequence[int], readings: Sequence[Reading], numbers: Numbers
    ) -> None:
        """What is there in some runs only: a table as input, classes, a scaler, a device."""
        if numbers.features is not None:
            self.ledger.features(steps, *numbers.features)
        if numbers.counts is not None:
            self.ledger.classes(steps, numbers.counts)
        if numbers.scale is not None:
            self.ledger.open(("amp_scale",))
            self.ledger.extend("amp_scale", steps, numbers.scale)
        if readings[0].memory is not None:
            self.ledger.open(("device_memory_bytes",), unit="B")
            memory = np.array([float(reading.memory or 0) for reading in readings])
            self.ledger.extend("device_memory_bytes", steps, memory)

    def _note(self, reading: Reading) -> None:
        """Say what the numbers of this reading do not show."""
        if len(reading.losses) > 1:
            self.ledger.note(
                "backward was called more than once before a step: the loss is the sum, and "
                "activations are of the last batch."
            )
        if not reading.losses:
            self.ledger.note(
                "A step came without a call of loss.backward() that reached the model: no loss and "
                "no activations were read there."
            )
        if reading.without is not None:
            self.ledger.note(
                f"The weight {reading.without!r} had no gradient in at least one step."
            )


def _seconds(reading: Reading) -> tuple[float, float]:
    """Seconds between steps and in the step."""
    return (math.nan, math.nan) if reading.lap is None else reading.lap.seconds()
