"""Small readings wait here for each other, and are reduced many at once.

On the CPU the measuring of a small network is nearly all overhead: some fifty operations on a few
thousand numbers. So loss, outputs and inputs are only copied, in one call, into the next row of
arrays that are used again and again; when the rows are full, all of them are reduced in one call
a quantity. Gradients and weights, copied in the same call, are measured while they are warm.
The formulas are those of `coursekit.vitals.torch.measures`.
"""

import math
from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from coursekit.vitals.readings import Floats
from coursekit.vitals.torch.clerk import Numbers, Reading
from coursekit.vitals.torch.forward import Pass
from coursekit.vitals.torch.gauge import ONE_THREAD, FlatGauge, outside_of_autograd
from coursekit.vitals.torch.layers import Reads
from coursekit.vitals.torch.survey import MOST_ENTRIES, Survey
from coursekit.vitals.torch.weights import Weights

MOST_ROWS = 32
FEWEST_ROWS = 4
MOST_BYTES = 2**24
MOST_VIEWS = 4096


class Rows:
    """Tensors with one row a reading.

    Attributes:
        views: For each row its tensors, one per shape.
        blocks: For each shape all rows as one tensor, shape (rows, *shape).
    """

    def __init__(self, shapes: Sequence[torch.Size], rows: int, dtype: torch.dtype) -> None:
        tensors = [torch.empty(rows, *shape, dtype=dtype, device="cpu") for shape in shapes]
        self.views = list(zip(*(tensor.unbind() for tensor in tensors), strict=True))
        self.blocks = tensors


class Stage:
    """Rows for the readings of one model, all of the same shapes.

    Attributes:
        capacity: Number of rows.
    """

    def __init__(self, survey: Survey, inputs: Tensor | None, weights: Weights, reads: Reads,
                 *, capacity: int) -> None:  # fmt: skip
        in_place = survey.in_place()
        self.capacity = capacity
        self._weights, self._reads = weights, reads
        self._layers = tuple(survey.expected)
        self._shapes = [expected.shape for expected in survey.expected.values()]
        self._versions = [
            0 if layer in in_place else expected.version
            for layer, expected in survey.expected.items()
        ]
        self._inputs = None if inputs is None else inputs.shape
        self._gauge = FlatGauge(weights)
        given = [] if inputs is None else [inputs.shape]
        dtype = weights.parameters[0].dtype
        self._rows = Rows([torch.Size(), *self._shapes, *given], capacity, dtype)
        self._targets = [[*views, *self._gauge.targets] for views in self._rows.views]

    def fits(self, passed: Pass) -> bool:
        """Whether a pass has the shapes of the rows, and nothing was overwritten since."""
        outputs, inputs = passed.outputs.values(), passed.inputs
        try:
            return (
                tuple(passed.outputs) == self._layers
                and [output.shape for output in outputs] == self._shapes
                and [output._version for output in outputs] == self._versions
                and getattr(inputs, "_version", 0) == passed.version
                and (None if inputs is None else inputs.shape) == self._inputs
            )
        except AttributeError:  # what was a tensor in the first pass is none in this one
            return False

    def before_step(self, row: int, reading: Reading, grads: Sequence[Tensor]) -> None:
        """Copy the one pass of a reading and its loss; measure gradients and weights."""
        passed = reading.passes[0]
        given = [] if passed.inputs is None else [passed.inputs]
        shown = [*reading.losses, *passed.outputs.values(), *given]
        sources = [*shown, *grads, *self._weights.parameters]
        outside_of_autograd(torch._foreach_copy_, self._targets[row], sources)
        self._gauge.before_step()
        if not math.isfinite(sum(self._gauge.gradient)):
            reading.broken = self._weights.non_finite_gradients()

    def after_step(self, reading: Reading) -> None:
        """Measure what the step changed."""
        gauge = self._gauge
        gauge.after_step()
        reading.squares = gauge.gradient, gauge.weight, gauge.moved

    def reduce(self, readings: Sequence[Reading]) -> Numbers:
        """The numbers of the readings that were copied, in their order.

        Differences are taken in place: what else is read of a block comes before.
        """
        rows = len(readings)
        loss, *rest = (block[:rows] for block in self._rows.blocks)
        outputs = dict(zip(self._layers, rest, strict=False))
        norms: Floats = np.sqrt(
            np.array([reading.squares for reading in readings], dtype=np.float64)
        )
        peaks, saturated = self._peaks(outputs), self._saturated(outputs, rows)
        means, stds = self._moments(outputs, rows)
        return Numbers(
            loss=_numpy(loss),
            scale=_scales(readings),
            gradient=norms[:, 0],
            weight=norms[:, 1],
            moved=norms[:, 2],
            broken=_numpy(~torch.isfinite(loss)) + [reading.broken for reading in readings],
            means=means,
            stds=stds,
            saturated=saturated,
            peaks=peaks,
            features=None if self._inputs is None else _feature_moments(rest[-1]),
            counts=_counts(readings),
            seen=self._layers,
        )

    def _moments(self, outputs: dict[str, Tensor], rows: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each output, shape (rows, leaf modules)."""
        means = np.full((rows, len(self._reads.leaves)), np.nan)
        stds = means.copy()
        for column, layer in enumerate(self._reads.leaves):
            if layer in outputs:
                flat = outputs[layer].view(rows, -1)
                mean = flat.sum(dim=1, keepdim=True) / flat.shape[1]
                means[:, column] = mean.numpy()[:, 0]
                stds[:, column] = _norms(flat.sub_(mean)) / np.sqrt(flat.shape[1])
        return means, stds

    def _peaks(self, outputs: dict[str, Tensor]) -> dict[str, Floats]:
        """The largest output of each unit of each ReLU layer, shape (rows, units)."""
        axes = {layer: self._reads.unit_axes[layer] + 1 for layer in self._reads.relus
                if layer in outputs and outputs[layer].dim() > 1}  # fmt: skip
        return {layer: _numpy(_peaks(outputs[layer], axis)) for layer, axis in axes.items()}

    def _saturated(self, outputs: dict[str, Tensor], rows: int) -> Floats:
        """Share of outputs near a bound, shape (rows, bounded activations)."""
        shares = np.full((rows, len(self._reads.bounds)), np.nan)
        for column, (layer, (low, high)) in enumerate(self._reads.bounds.items()):
            if layer in outputs:
                flat = outputs[layer].view(rows, -1)
                outside = (flat < low) | (flat > high)
                shares[:, column] = outside.sum(dim=1).numpy() / flat.shape[1]
        return shares


def stage_for(
    survey: Survey, inputs: Tensor | None, weights: Weights, reads: Reads
) -> Stage | None:
    """A stage for passes like the one surveyed; None where they are better measured at once."""
    own = sum(weight.numel() for weight in weights.parameters)
    entries = sum(prod(expected.shape) for expected in survey.expected.values())
    entries += 0 if inputs is None else inputs.numel()
    rows = min(
        MOST_ROWS, MOST_BYTES // (8 * max(entries, 1)), MOST_VIEWS // (len(survey.expected) + 2)
    )
    plain = {(w.device.type, w.dtype) for w in weights.parameters} in (
        {("cpu", torch.float32)},
        {("cpu", torch.float64)},
    )
    if not survey.fits or not plain or own > MOST_ENTRIES or rows < FEWEST_ROWS:
        return None
    return Stage(survey, inputs, weights, reads, capacity=rows)


def _norms(block: Tensor) -> Floats:
    """The Euclidean norm of each row, shape (rows,)."""
    flat = block.view(len(block), -1)
    if flat.shape[1] > ONE_THREAD:
        return _numpy(torch.linalg.vector_norm(flat, dim=1))
    array = flat.numpy()
    with np.errstate(all="ignore"):
        norms: Floats = np.sqrt(np.vecdot(array, array)).astype(np.float64)
    return norms


def _numpy(values: Tensor) -> Floats:
    """In double precision, on its own."""
    return values.numpy().astype(np.float64)


def _peaks(block: Tensor, unit_axis: int) -> Tensor:
    """The largest output of each unit, shape (rows, units)."""
    others = [axis for axis in range(1, block.dim()) if axis != unit_axis]
    return block.amax(dim=others) if others else block


def _feature_moments(block: Tensor) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature, shape (rows, features)."""
    mean = block.mean(dim=1, keepdim=True)
    return _numpy(mean[:, 0]), _numpy(block.sub_(mean).square_().mean(dim=1).sqrt_())


def _counts(readings: Sequence[Reading]) -> Floats | None:
    """Labels per class, shape (rows, classes), if they were found everywhere."""
    found = [reading.copied_labels for reading in readings if reading.copied_labels is not None]
    classes = {number for _, number in found}
    if len(found) < len(readings) or len(classes) != 1:
        return None
    width = classes.pop()
    labels = [one.ravel() for one, _ in found]
    rows = np.repeat(np.arange(len(labels)), [len(one) for one in labels])
    numbers = np.concatenate(labels)
    real = (numbers >= 0) & (numbers < width)
    places = (rows * width + numbers)[real]
    counts = np.bincount(places, minlength=len(labels) * width)
    return counts.reshape(-1, width).astype(np.float64)


def _scales(readings: Sequence[Reading]) -> Floats | None:
    """What the losses were multiplied by, shape (rows,), if they were."""
    scales = [reading.scale for reading in readings]
    return None if scales[0] is None else np.array([float(s) for s in scales if s is not None])
