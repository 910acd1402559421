"""Small readings wait here for each other, and are reduced many at once.

On the CPU the measuring of a small network is nearly all overhead: some fifty operations on a few
thousand numbers. So a reading is only copied, into the next row of arrays that are used again and
again, in two calls; when the rows are full, numpy reduces all of them in one call a quantity.
The formulas are those of `coursekit.vitals.torch.measures`.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coursekit.vitals.readings import Floats
from coursekit.vitals.torch.clerk import Numbers, Reading
from coursekit.vitals.torch.forward import Pass
from coursekit.vitals.torch.layers import Reads
from coursekit.vitals.torch.survey import MOST_ENTRIES, Survey
from coursekit.vitals.torch.weights import Weights

Block = npt.NDArray[np.floating]

MOST_ROWS = 32
FEWEST_ROWS = 4
MOST_BYTES = 2**24
MOST_VIEWS = 4096


class Rows:
    """Arrays with one row a reading, written as tensors and read by numpy.

    Attributes:
        views: For each row its tensors, one per shape.
        blocks: For each shape all rows as one array, shape (rows, *shape).
    """

    def __init__(self, shapes: Sequence[torch.Size], rows: int, dtype: torch.dtype) -> None:
        tensors = [torch.empty(rows, *shape, dtype=dtype) for shape in shapes]
        self.views = [[tensor[row] for tensor in tensors] for row in range(rows)]
        self.blocks: list[Block] = [tensor.numpy() for tensor in tensors]


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
        own = [weight.shape for weight in weights.parameters]
        given = [] if inputs is None else [inputs.shape]
        dtype = weights.parameters[0].dtype
        self._around = Rows([torch.Size(), *own, *own, *self._shapes, *given], capacity, dtype)
        self._after = Rows(own, capacity, dtype)

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
        """Copy the one pass of a reading, its loss, and gradients and weights before the step."""
        passed = reading.passes[0]
        given = [] if passed.inputs is None else [passed.inputs]
        weights, outputs = self._weights.parameters, passed.outputs.values()
        _copy(self._around.views[row], [*reading.losses, *grads, *weights, *outputs, *given])

    def after_step(self, row: int) -> None:
        """Copy the weights after the step."""
        _copy(self._after.views[row], self._weights.parameters)

    def reduce(self, readings: Sequence[Reading]) -> Numbers:
        """The numbers of the readings that were copied, in their order."""
        rows, own = len(readings), len(self._weights.parameters)
        loss, *blocks = (block[:rows] for block in self._around.blocks)
        grads, before, rest = blocks[:own], blocks[own : 2 * own], blocks[2 * own :]
        outputs = dict(zip(self._layers, rest, strict=False))
        with np.errstate(all="ignore"):
            peaks, saturated = self._peaks(outputs), self._saturated(outputs, rows)
            gradient, weight = self._layer_norms(grads), self._layer_norms(before)
            moved = [block[:rows] for block in self._after.blocks]
            for new, old in zip(moved, before, strict=True):
                new -= old  # in place: the rows are written anew anyway
            means, stds = self._moments(outputs, rows)
            return Numbers(
                loss=loss.astype(np.float64),
                scale=_scales(readings),
                gradient=gradient,
                weight=weight,
                moved=self._layer_norms(moved),
                broken=_count_non_finite([loss, *grads], gradient),
                means=means,
                stds=stds,
                saturated=saturated,
                peaks=peaks,
                features=None if self._inputs is None else _feature_moments(rest[-1]),
                counts=_counts(readings),
                seen=self._layers,
            )

    def _layer_norms(self, blocks: Sequence[Block]) -> Floats:
        """Norms of layers, shape (rows, layers), from the blocks of their weights."""
        return self._weights.grouping.norm(np.stack([_norms(block) for block in blocks], axis=1))

    def _moments(self, outputs: dict[str, Block], rows: int) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each output, shape (rows, leaf modules).

        Subtracts the means in place: what else is read of the outputs comes before.
        """
        means = np.full((rows, len(self._reads.leaves)), np.nan)
        stds = means.copy()
        for column, layer in enumerate(self._reads.leaves):
            if layer in outputs:
                flat = outputs[layer].reshape(rows, -1)
                means[:, column] = mean = flat.mean(axis=1)
                flat -= mean[:, None]
                stds[:, column] = _norms(flat) / np.sqrt(flat.shape[1])
        return means, stds

    def _peaks(self, outputs: dict[str, Block]) -> dict[str, Block]:
        """The largest output of each unit of each ReLU layer, shape (rows, units)."""
        return {
            layer: _peaks(outputs[layer], self._reads.unit_axes[layer])
            for layer in self._reads.relus
            if layer in outputs and outputs[layer].ndim > 1
        }

    def _saturated(self, outputs: dict[str, Block], rows: int) -> Floats:
        """Share of outputs near a bound, shape (rows, bounded activations)."""
        shares = np.full((rows, len(self._reads.bounds)), np.nan)
        for column, (layer, (low, high)) in enumerate(self._reads.bounds.items()):
            if layer in outputs:
                flat = outputs[layer].reshape(rows, -1)
                shares[:, column] = ((flat < low) | (flat > high)).mean(axis=1)
        return shares


def stage_for(
    survey: Survey, inputs: Tensor | None, weights: Weights, reads: Reads
) -> Stage | None:
    """A stage for passes like the one surveyed; None where they are better measured at once."""
    own = sum(weight.numel() for weight in weights.parameters)
    entries = 3 * own + sum(prod(expected.shape) for expected in survey.expected.values())
    views = 3 * len(weights.parameters) + len(survey.expected) + 1
    rows = min(MOST_ROWS, MOST_BYTES // (8 * entries), MOST_VIEWS // views)
    plain = {(w.device.type, w.dtype) for w in weights.parameters} in (
        {("cpu", torch.float32)},
        {("cpu", torch.float64)},
    )
    if not survey.fits or not plain or own > MOST_ENTRIES or rows < FEWEST_ROWS:
        return None
    return Stage(survey, inputs, weights, reads, capacity=rows)


def _norms(block: Block) -> Floats:
    """The Euclidean norm of each row, shape (rows,)."""
    flat = block.reshape(len(block), -1)
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", flat, flat)).astype(np.float64)
    return norms


def _peaks(block: Block, unit_axis: int) -> Block:
    """The largest output of each unit, shape (rows, units)."""
    others = tuple(axis for axis in range(1, block.ndim) if axis != unit_axis + 1)
    peaks: Block = block.max(axis=others) if others else block
    return peaks


def _feature_moments(block: Block) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature, shape (rows, features)."""
    mean = block.mean(axis=1, dtype=np.float64)
    block -= mean[:, None].astype(block.dtype)
    stds: Floats = np.sqrt(np.einsum("ijk,ijk->ik", block, block) / block.shape[1])
    return mean, stds


def _count_non_finite(blocks: Sequence[Block], norms: Floats) -> Floats:
    """Entries that are NaN or infinite, shape (rows,); gradients only where a norm is so."""
    counts: Floats = (~np.isfinite(blocks[0])).astype(np.float64)  # the loss: one entry a row
    for row in np.flatnonzero(~np.isfinite(norms).all(axis=1)):
        counts[row] = sum(np.count_nonzero(~np.isfinite(block[row])) for block in blocks)
    return counts


def _counts(readings: Sequence[Reading]) -> Floats | None:
    """Labels per class, shape (rows, classes), if they were found everywhere."""
    found = [reading.labels[0] for reading in readings if reading.labels]
    classes = {number for _, number in found}
    if len(found) < len(readings) or len(classes) != 1:
        return None
    width = classes.pop()
    labels = [one.numpy().ravel() for one, _ in found]
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


def _copy(targets: list[Tensor], sources: Sequence[Tensor]) -> None:
    """Copy tensors in one call, outside of autograd."""
    enabled = torch.is_grad_enabled()
    torch._C._set_grad_enabled(False)  # what torch.no_grad() does, for a tenth of its price
    try:
        torch._foreach_copy_(targets, list(sources))
    finally:
        torch._C._set_grad_enabled(enabled)
