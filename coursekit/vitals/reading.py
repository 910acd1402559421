"""One reading of a PyTorch run: what is gathered around a step, and how it is sent."""

from typing import Any

import numpy as np
from torch import Tensor, nn

from coursekit.vitals.forward import Batch, ForwardWatch
from coursekit.vitals.ledger import (
    PER_LAYER,
    PER_RELU,
    PER_STEP,
    PER_WEIGHT_LAYER,
    Ledger,
)
from coursekit.vitals.parcel import Parcel
from coursekit.vitals.readings import DeadUnits, Floats, ratio
from coursekit.vitals.weights import Weights


class Reading:
    """What is gathered for one step; all tensors stay on their device.

    Attributes:
        losses: What ``backward`` was called on since the gradients were last cleared, as 0-d
            tensors.
        batch: What the forward passes behind those losses showed.
        gradients: Norms of the gradients and which weights have one; None before the step.
        training: Whether the model was in train mode.
        lr: The learning rate of the step.
    """

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.batch = Batch()
        self.gradients: tuple[list[Tensor], Any] | None = None
        self.training = True
        self.lr = float("nan")

    def restart(self) -> None:
        """Forget the losses so far: the gradients were cleared, so they count no more."""
        self.losses, self.batch = [], Batch()

    def hear(self, loss: Tensor, batch: Batch, *, training: bool) -> None:
        """Add a loss that ``backward`` was called on, and the batch behind it."""
        self.losses.append(loss)
        self.batch.absorb(batch)
        self.training = training


class Clerk:
    """Sends a reading to the host, once, and writes it into the ledger."""

    def __init__(self, model: nn.Module, weights: Weights, forward: ForwardWatch) -> None:
        watched = {*weights.layers, *forward.layers}
        names = [name for name, _ in model.named_modules() if name in watched]
        self.ledger = Ledger(framework="torch", layers=names)
        self.ledger.open(PER_STEP)
        self.ledger.open(PER_WEIGHT_LAYER, labels=weights.layers)
        self.ledger.open(PER_LAYER, labels=forward.layers)
        self.ledger.open(PER_RELU, labels=forward.relus)
        self._weights = weights
        self._forward = forward
        self._dead = DeadUnits()

    def write(self, step: int, reading: Reading) -> None:
        """Write the reading of one step, right after the step."""
        sent = self._send(reading)
        loss = float(sent["losses"].sum()) if reading.losses else float("nan")
        self.ledger.add("loss", step, loss)
        self.ledger.add("learning_rate", step, reading.lr)
        self.ledger.add("train_mode", step, float(reading.training))
        self._write_weights(step, sent, reading)
        self._write_layers(step, sent, reading.batch)
        if reading.batch.features:
            self.ledger.features(step, sent["input mean"], sent["input std"])
        self._note(reading)

    def _send(self, reading: Reading) -> dict[str, Floats]:
        """All tensors of a reading, in one transfer."""
        device = self._weights.parameters[0].device
        before, moved = self._weights.norms_around_step()
        parcel = Parcel()
        parcel.numbers("losses", [loss.to(device) for loss in reading.losses])
        parcel.numbers("gradients", reading.gradients[0] if reading.gradients else [])
        parcel.numbers("weights", before)
        parcel.numbers("moved", moved)
        parcel.numbers("means", [mean for mean, _ in reading.batch.moments.values()])
        parcel.numbers("stds", [std for _, std in reading.batch.moments.values()])
        for layer, peaks in reading.batch.peaks.items():
            parcel.vector(f"peaks of {layer}", peaks)
        if reading.batch.features:
            parcel.vector("input mean", reading.batch.features[0])
            parcel.vector("input std", reading.batch.features[1])
        return parcel.unpack()

    def _write_weights(self, step: int, sent: dict[str, Floats], reading: Reading) -> None:
        """Gradients, weights and updates, per layer; and what of them is not finite."""
        group = self._weights.grouping
        present = reading.gradients[1] if reading.gradients else None
        size, moved = group.norm(sent["weights"]), group.norm(sent["moved"])
        gradient = group.norm(sent["gradients"], present=present)
        self.ledger.add("gradient_norm", step, gradient)
        self.ledger.add("weight_norm", step, size)
        self.ledger.add("update_ratio", step, ratio(moved, size))
        broken = float(np.count_nonzero(~np.isfinite(sent["losses"])))
        if not np.isfinite(sent["gradients"]).all():
            # A second transfer, only now: to count on every step would cost a pass over all.
            broken += self._weights.non_finite_gradients()
        self.ledger.add("non_finite", step, broken)

    def _write_layers(self, step: int, sent: dict[str, Floats], batch: Batch) -> None:
        """Outputs of leaf modules and dead units; a layer that was not called is NaN."""
        for quantity, values in (("activation_mean", "means"), ("activation_std", "stds")):
            known = dict(zip(batch.moments, sent[values], strict=True))
            row = [known.get(layer, np.nan) for layer in self._forward.layers]
            self.ledger.add(quantity, step, np.array(row))
        for layer in batch.peaks:
            self._dead.add(layer, sent[f"peaks of {layer}"])
        if self._forward.relus:
            shares = [self._dead.share(layer) for layer in self._forward.relus]
            self.ledger.add("dead_fraction", step, np.array(shares))

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
        if reading.gradients and not all(reading.gradients[1]):
            first = self._weights.names[list(reading.gradients[1]).index(False)]
            self.ledger.note(f"The weight {first!r} had no gradient in at least one step.")
