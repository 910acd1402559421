"""What a measurement of a Keras model gives, reduced to a few numbers: on the host or in a graph.

`xp` is numpy, or ``keras.ops`` inside a graph: both have these functions under one name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_SAFE = (1e-15, 1e18)  # a norm between these: no square that counts has left 32 bits' range


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Which layers are read in which way.

    Attributes:
        layers: Names of those whose output is read, in the order of the model.
        relus: Those whose output is that of a ReLU, each to the axis that counts its units.
        bounded: Those whose output is that of a bounded activation, to where saturation begins.
    """

    layers: tuple[str, ...] = ()
    relus: Mapping[str, int]
    bounded: Mapping[str, tuple[float, float]]


def norms(xp: Any, tensors: Sequence[Any]) -> Any:
    """Euclidean norms, shape (tensors,).

    With numpy, also where a square overflows or vanishes in 32 bits; in a graph such a norm is
    infinite or 0.

    >>> norms(np, [np.array([[3.0, 4.0]]), np.zeros(2)]).tolist()
    [5.0, 0.0]
    >>> norms(np, [np.array([3e30, 4e30], dtype=np.float32)]).round(-29).tolist()
    [5e+30]
    """
    with np.errstate(all="ignore"):
        return stacked(xp, [_norm(xp, tensor) for tensor in tensors])


def count_broken(xp: Any, tensors: Sequence[Any]) -> Any:
    """How many entries of all tensors are NaN or infinite, shape (1,).

    >>> count_broken(np, [np.array([1.0, np.nan]), np.array(np.inf)]).tolist()
    [2]
    """
    counts = [xp.count_nonzero(xp.logical_not(xp.isfinite(tensor))) for tensor in tensors]
    return xp.reshape(sum(counts), (1,))


def of_outputs(xp: Any, outputs: Mapping[str, Any], reads: Reads) -> dict[str, Any]:
    """Moments of each layer's output, saturation of the bounded, peaks of the units of a ReLU.

    Args:
        xp: numpy or keras.ops.
        outputs: Layer name to output, shape (rows, …, units).
        reads: Which layers are read in which way.

    >>> reads = Reads(layers=("a",), relus={"a": 1}, bounded={"a": (-0.9, 0.9)})
    >>> seen = of_outputs(np, {"a": np.array([[0.0, 1.0], [0.0, 2.0]])}, reads)
    >>> seen["means"].tolist(), seen["saturated"].tolist(), seen["peaks of a"].tolist()
    ([0.75], [0.5], [0.0, 2.0])
    >>> large = np.array([[1e38, 3e38]], dtype=np.float32)  # their sum is beyond 32 bits
    >>> seen = of_outputs(np, {"a": large}, Reads(layers=("a",), relus={}, bounded={}))
    >>> (seen["means"] / 1e38).round(3).tolist(), (seen["stds"] / 1e38).round(3).tolist()
    ([2.0], [1.0])
    """
    ends = reads.bounded.items()
    with np.errstate(all="ignore"):
        moments = [_moments(xp, outputs[name]) for name in reads.layers]
    shares = [_share_beyond(xp, outputs[name], low, high) for name, (low, high) in ends]
    peaks = {f"peaks of {one}": _peaks(xp, outputs[one], axis) for one, axis in reads.relus.items()}
    return {
        "means": stacked(xp, [mean for mean, _ in moments]),
        "stds": stacked(xp, [std for _, std in moments]),
        "saturated": stacked(xp, shares),
        **peaks,
    }


def stacked(xp: Any, numbers: Sequence[Any]) -> Any:
    """0-d arrays as a vector; a vector of none has no type of its own."""
    return xp.stack(numbers) if numbers else xp.zeros((0,), dtype="float32")


def _norm(xp: Any, tensor: Any) -> Any:
    """The Euclidean norm of one tensor: with numpy in 64 bits where 32 do not hold the squares."""
    if xp is not np:
        return xp.sqrt(xp.sum(xp.square(tensor)))
    flat = tensor.ravel()
    norm = np.sqrt(np.dot(flat, flat))  # one call, and no array of squares
    if _SAFE[0] < norm < _SAFE[1]:
        return norm
    wide = flat.astype(np.float64)
    return np.sqrt(np.dot(wide, wide))


def _moments(xp: Any, output: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of all entries; as with `_norm`, in 64 bits where 32 overflow."""
    if xp is not np:
        return xp.mean(output), xp.std(output)
    mean = np.mean(output)
    if not np.isfinite(mean):
        output = output.astype(np.float64)
        mean = np.mean(output)
    return mean, _norm(np, output - mean) / np.sqrt(output.size)


def _peaks(xp: Any, output: Any, units: int) -> Any:
    """The largest output of each unit over all rows and positions, shape (units,)."""
    others = tuple(axis for axis in range(len(output.shape)) if axis != units)
    return xp.max(output, axis=others) if others else output


def _share_beyond(xp: Any, output: Any, low: float, high: float) -> Any:
    """The share of entries below `low` or above `high`."""
    return xp.mean(xp.where(xp.logical_or(output < low, output > high), 1.0, 0.0))
