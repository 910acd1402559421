"""A reading that is measured at once, on its device, and crosses to the host in one transfer."""

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from coursekit.vitals.readings import Floats
from coursekit.vitals.torch.batch import Batch
from coursekit.vitals.torch.clerk import Numbers, Reading
from coursekit.vitals.torch.gauge import Gauge, refined
from coursekit.vitals.torch.layers import Reads
from coursekit.vitals.torch.parcel import Parcel
from coursekit.vitals.torch.weights import Weights


class Direct:
    """Measures around a step, for any model on any device."""

    def __init__(self, weights: Weights, reads: Reads) -> None:
        self._weights, self._reads = weights, reads
        self._gauge = Gauge(weights.parameters)
        self._batch = Batch()
        self._scale: Tensor | None = None

    def keep_weights(self) -> None:
        """Copy the weights before the step."""
        self._gauge.keep()

    def read_gradients(self, reading: Reading, *, scale: Tensor | None) -> None:
        """Measure the gradients as they are now; they were multiplied by `scale`."""
        self._scale = scale
        reading.gradients = self._gauge.gradients(scale=scale)
        if reading.gradients[1] is not None:
            reading.without = self._weights.without_gradient()

    def read_passes(self, reading: Reading) -> None:
        """Measure the forward passes, whose memory is then free."""
        self._batch = Batch()
        for passed in reading.passes:
            self._batch.absorb(passed.measured(self._reads))
        for labels in reading.labels:
            self._batch.absorb(_of_labels(labels))

    def send(self, reading: Reading) -> Numbers:
        """All of it on the host, after the step."""
        batch, device = self._batch, self._weights.parameters[0].device
        before, moved = self._gauge.around_step()
        parcel = Parcel()
        parcel.numbers("losses", [loss.to(device) for loss in reading.losses])
        parcel.numbers("gradients", reading.gradients[0] if reading.gradients else [])
        parcel.numbers("weights", before)
        parcel.numbers("moved", moved)
        parcel.numbers("means", [mean for mean, _ in batch.moments.values()])
        parcel.numbers("stds", [std for _, std in batch.moments.values()])
        parcel.numbers("saturated", [*batch.saturated.values()])
        parcel.numbers("scale", [] if reading.scale is None else [reading.scale.to(device)])
        for layer, peaks in batch.peaks.items():
            parcel.vector(f"peaks of {layer}", peaks)
        for name, vector in zip(("mean", "std"), batch.features or (), strict=False):
            parcel.vector(name, vector)
        if batch.counts is not None:
            parcel.vector("counts", batch.counts)
        return self._numbers(parcel.unpack(), reading)

    def _numbers(self, sent: dict[str, Floats], reading: Reading) -> Numbers:
        """What arrived, layer by layer, as the numbers of one step."""
        join, batch, reads = self._weights.grouping.norm, self._batch, self._reads
        moved = refined(sent["moved"], self._gauge.moved())
        if reading.gradients and self._scale is None:
            refined(sent["gradients"], self._gauge.entries())
        present = reading.gradients[1] if reading.gradients else np.zeros(len(sent["weights"]), "?")
        broken = np.count_nonzero(~np.isfinite(sent["losses"]))
        if not np.isfinite(sent["gradients"]).all():
            # A second transfer, only now: to count on every step would cost a pass over all.
            broken += self._weights.non_finite_gradients()
        return Numbers(
            loss=np.array([sent["losses"].sum() if reading.losses else np.nan]),
            scale=sent["scale"] if reading.scale is not None else None,
            gradient=join(sent["gradients"], present=present)[None],
            weight=join(sent["weights"])[None],
            moved=join(moved)[None],
            broken=np.array([float(broken)]),
            means=_row(reads.leaves, batch.moments, sent["means"]),
            stds=_row(reads.leaves, batch.moments, sent["stds"]),
            saturated=_row(reads.bounds, batch.saturated, sent["saturated"]),
            peaks={layer: sent[f"peaks of {layer}"][None] for layer in batch.peaks},
            features=(sent["mean"][None], sent["std"][None]) if batch.features else None,
            counts=sent["counts"][None] if batch.counts is not None else None,
            seen=tuple(batch.moments),
        )


def _of_labels(labels: tuple[Tensor, int]) -> Batch:
    """A batch of which only the labels are known."""
    batch = Batch()
    batch.measure_labels(labels)
    return batch


def _row(layers: Iterable[str], read: Iterable[str], values: Floats) -> Floats:
    """The values of the layers that were read, in the order of all; NaN for the others."""
    known = dict(zip(read, values, strict=True))
    return np.array([[known.get(layer, np.nan) for layer in layers]], dtype=np.float64)
