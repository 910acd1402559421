"""What is worked out on the host, the same for torch and Keras, from the small arrays sent."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WINDOW = 8
MOST_FEATURES = 512
MOST_CLASSES = 512
NEAR = 0.015  # of the range: |tanh| > 0.97, where its slope is below 6 % of its largest
_NEVER = -(2**40)


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
        self._batches: dict[str, int] = {}
        self._fired: dict[str, npt.NDArray[np.int64]] = {}  # the last batch in which a unit did

    def add(self, layer: str, peaks: npt.NDArray[np.floating]) -> None:
        """Add a batch: the largest activation of each unit, shape (units,)."""
        self.shares(layer, peaks[None])

    def shares(self, layer: str, peaks: npt.NDArray[np.floating]) -> Floats:
        """Add several batches, shape (batches, units); the share of dead units after each.

        >>> DeadUnits(window=2).shares("relu", np.array([[0.0, 3.0], [1.0, 0.0]])).tolist()
        [0.5, 0.0]
        """
        fired = self._fired.get(layer)
        if fired is None or len(fired) != peaks.shape[1]:
            fired, self._batches[layer] = np.full(peaks.shape[1], _NEVER), 0
        batches = self._batches[layer] + 1 + np.arange(len(peaks))[:, None]
        history = np.where(peaks != 0, batches, fired)  # NaN is not zero: it is broken, not dead
        np.maximum.accumulate(history, axis=0, out=history)
        self._fired[layer], self._batches[layer] = history[-1].copy(), int(batches[-1, 0])
        shares: Floats = (history <= batches - self._window).mean(axis=1)
        return shares

    def share(self, layer: str) -> float:
        """The share of dead units, from 0 to 1; NaN if the layer has not been seen."""
        if layer not in self._fired:
            return float("nan")
        fired = self._fired[layer]
        dead = np.count_nonzero(fired <= self._batches[layer] - self._window)
        return float(dead / len(fired)) if len(fired) else float("nan")

    def state_dict(self) -> dict[str, tuple[int, list[int]]]:
        """All that it knows, in plain types: layer to batches seen and when each unit fired."""
        return {layer: (self._batches[layer], f.tolist()) for layer, f in self._fired.items()}

    def load_state_dict(self, state: Mapping[str, tuple[int, list[int]]]) -> None:
        """Go on from what `state_dict` gave."""
        self._batches = {layer: batches for layer, (batches, _) in state.items()}
        self._fired = {layer: np.array(f, dtype=np.int64) for layer, (_, f) in state.items()}


class Grouping:
    """Norms of single weights, joined to the norm of all weights of their layer.

    Attributes:
        places: For each layer the numbers of its weights.

    >>> Grouping(owners=[0, 0, 1], layers=2).norm(np.array([3.0, 4.0, 2.0])).tolist()
    [5.0, 2.0]
    """

    def __init__(self, *, owners: Sequence[int], layers: int) -> None:
        self.places = [np.flatnonzero(np.equal(owners, layer)) for layer in range(layers)]

    def norm(self, norms: Floats, *, present: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Join norms of weights, shape (…, weights), to norms of layers, shape (…, layers).

        Args:
            norms: One norm per weight; where `present` is given, of those present only.
            present: Which weights have a norm, shape (weights,). A layer with none is NaN.
        """
        if present is not None and not present.all():
            every = np.zeros(len(present))
            every[present] = norms
            roots = self.norm(every)
            roots[[not present[own].any() for own in self.places]] = np.nan
            return roots
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.square(norms, dtype=np.float64)
            joined = [squares[..., own].sum(axis=-1) for own in self.places]
            norms_of_layers: Floats = np.sqrt(np.stack(joined, axis=-1))
        return norms_of_layers


def ratio(update: Floats, weight: Floats) -> Floats:
    """Update norm over weight norm; infinite where a layer of zeros moves, NaN if it does not.

    >>> ratio(np.array([1.0, 1.0, 0.0]), np.array([2.0, 0.0, 0.0])).tolist()
    [0.5, inf, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Floats = update / weight
    return quotient


def near_bounds(low: float, high: float) -> tuple[float, float]:
    """Beyond which outputs an activation with these bounds counts as saturated.

    >>> near_bounds(-1.0, 1.0)
    (-0.97, 0.97)
    """
    return low + NEAR * (high - low), high - NEAR * (high - low)
