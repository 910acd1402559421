"""What is worked out on the host, the same for torch and Keras, from the small arrays sent."""

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WINDOW = 8


class DeadUnits:
    """Which units gave exactly 0 for every row of the last `window` batches.

    Before `window` batches have come, those that have come count.

    >>> dead = DeadUnits(window=2)
    >>> dead.add("relu", np.array([0.0, 3.0]))
    >>> dead.share("relu")
    0.5
    >>> dead.add("relu", np.array([1.0, 0.0]))
    >>> dead.share("relu")
    0.0
    """

    def __init__(self, *, window: int = WINDOW) -> None:
        self._window = window
        self._alive: dict[str, deque[npt.NDArray[np.bool_]]] = {}

    def add(self, layer: str, peaks: npt.NDArray[np.floating]) -> None:
        """Add a batch: the largest activation of each unit, shape (units,)."""
        alive = peaks != 0  # NaN is not zero: such a unit is broken, not dead
        batches = self._alive.setdefault(layer, deque(maxlen=self._window))
        if batches and batches[-1].shape != alive.shape:
            batches.clear()
        batches.append(alive)

    def share(self, layer: str) -> float:
        """The share of dead units, from 0 to 1; NaN if the layer has not been seen."""
        if not self._alive.get(layer):
            return float("nan")
        return float(1 - np.logical_or.reduce(self._alive[layer]).mean())


class Grouping:
    """Norms of single weights, joined to the norm of all weights of their layer.

    >>> Grouping(owners=[0, 0, 1], layers=2).norm(np.array([3.0, 4.0, 2.0])).tolist()
    [5.0, 2.0]
    """

    def __init__(self, *, owners: Sequence[int], layers: int) -> None:
        self._owners = np.array(owners, dtype=np.int64)
        self._layers = layers

    def norm(self, norms: Floats, *, present: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Join norms of weights, shape (weights,), to norms of layers, shape (layers,).

        Args:
            norms: One norm per weight; where `present` is given, of those present only.
            present: Which weights have a norm, shape (weights,). A layer with none is NaN.
        """
        owners = self._owners if present is None else self._owners[present]
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.bincount(owners, weights=norms**2, minlength=self._layers)
            joined: Floats = np.sqrt(squares)
        joined[np.bincount(owners, minlength=self._layers) == 0] = np.nan
        return joined


def ratio(update: Floats, weight: Floats) -> Floats:
    """Update norm over weight norm; infinite where a layer of zeros moves, NaN if it does not.

    >>> ratio(np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 0.0])).tolist()
    [0.5, inf, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Floats = update / weight
    return quotient
