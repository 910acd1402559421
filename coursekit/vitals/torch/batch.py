"""What one batch showed, reduced to small tensors on their device."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from coursekit.vitals.torch.layers import Reads
from coursekit.vitals.torch.measures import (
    class_counts,
    feature_mean_and_std,
    mean_and_std,
    peaks,
    share_outside,
)


class Batch:
    """What one batch showed.

    Attributes:
        moments: Layer name to mean and standard deviation of its output.
        peaks: Name of a ReLU layer to the largest output of each unit.
        saturated: Name of a bounded activation to the share of its outputs near a bound.
        features: Mean and standard deviation of each input feature, if they were taken.
        counts: Labels per class, if they were found.
    """

    def __init__(self) -> None:
        self.moments: dict[str, tuple[Tensor, Tensor]] = {}
        self.peaks: dict[str, Tensor] = {}
        self.saturated: dict[str, Tensor] = {}
        self.features: tuple[Tensor, Tensor] | None = None
        self.counts: Tensor | None = None

    def measure(self, layer: str, output: Tensor, reads: Reads) -> None:
        """Add the output of a layer, which has at least one entry."""
        self.moments[layer] = mean_and_std(output)
        if layer in reads.relus and output.dim():
            axis = reads.unit_axes.get(layer, output.dim() - 1)
            self.peaks[layer] = peaks(output, unit_axis=axis)
        if layer in reads.bounds:
            self.saturated[layer] = share_outside(output, *reads.bounds[layer])

    def measure_inputs(self, inputs: Tensor | None) -> None:
        """Add a table of inputs, shape (rows, features)."""
        if inputs is not None:
            self.features = feature_mean_and_std(inputs)

    def measure_labels(self, labels: tuple[Tensor, int] | None) -> None:
        """Add class numbers, and how many classes there are."""
        if labels is not None:
            self.counts = class_counts(*labels)

    def absorb(self, later: "Batch") -> None:
        """Add a later batch of the same step: last moments, largest peaks, sum of labels."""
        self.moments.update(later.moments)
        self.saturated.update(later.saturated)
        self.features = later.features or self.features
        for layer, peak in later.peaks.items():
            self.peaks[layer] = _joined(torch.maximum, self.peaks.get(layer), peak)
        if later.counts is not None:
            self.counts = _joined(torch.add, self.counts, later.counts)


def _joined(join: Callable[[Any, Any], Any], known: Any, later: Any) -> Any:
    """Two vectors as one; the later alone where they cannot be joined."""
    return join(known, later) if known is not None and known.shape == later.shape else later
