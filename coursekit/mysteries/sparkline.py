"""A curve as one line of characters, true to the numbers that are printed beside it."""

import numpy as np
import numpy.typing as npt

from coursekit.mysteries.sheet import Floats

Array = npt.NDArray[np.float64]

MARKS = 20
BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
LOST = "×"
FLAT = 0.02  # of its height: a curve that moves less is a straight line
LOG_FROM = 20.0  # a curve that spans more is drawn by its orders of magnitude


def sparkline(points: Floats, *, blocks: str = BLOCKS) -> str:
    """A curve as marks between its lowest and its highest point; a cross where it is no number.

    The first mark is the first point and the last mark the last one. Each mark between them is
    the point of its stretch that stands out most, never a middle that was not there.

    >>> sparkline(np.linspace(1, 8, 60, dtype=np.float32))
    '▁▁▁▂▃▃▃▄▄▄▅▅▆▆▆▆▇███'
    >>> sparkline(np.array([27.0] + 59 * [1.1], dtype=np.float32))
    '█▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁'
    """
    cross = LOST if blocks == BLOCKS else "x"
    heights = _heights(np.asarray(points, dtype=np.float64))
    cuts = _cuts(heights)
    parts = np.split(heights, cuts)
    marks = [_outstanding(part, _around(parts, place)) for place, part in enumerate(parts)]
    for end in _extremes(heights):  # both stand in numbers beside the row, so both are in it
        marks[int(np.searchsorted(cuts, end, side="right"))] = float(heights[end])
    return "".join(
        blocks[round(mark * (len(blocks) - 1))] if np.isfinite(mark) else cross for mark in marks
    )


def _cuts(heights: Array) -> npt.NDArray[np.int64]:
    """Where one mark's part ends and the next begins; lowest and highest are never in one part."""
    cuts = np.linspace(1, len(heights) - 1, MARKS - 1).round().astype(np.int64)
    if (ends := sorted(_extremes(heights))) and ends[0] < ends[1]:
        place, other = np.searchsorted(cuts, ends, side="right")
        if place == other:  # the last cut stays: it keeps the last point alone
            cuts[min(place, len(cuts) - 2)] = ends[1]
    return cuts


def _extremes(heights: Array) -> tuple[int, ...]:
    """Where the lowest and the highest point are; nowhere, where no point is a number."""
    if not np.isfinite(heights).any():
        return ()
    return int(np.nanargmin(heights)), int(np.nanargmax(heights))


def _outstanding(part: Array, around: float) -> float:
    """What is furthest away from the points around; a cross where one of a part is no number."""
    if not np.isfinite(part).all():
        return np.nan
    return float(part[np.argmax(np.abs(part - around))])


def _around(parts: list[Array], place: int) -> float:
    """The middle height of a part and its neighbours."""
    near = np.concatenate(parts[max(place - 1, 0) : place + 2])
    near = near[np.isfinite(near)]
    return float(np.median(near)) if near.size else np.nan


def _heights(points: Array) -> Array:
    """Heights from 0, the lowest of all points, to 1, the highest; NaN where there is none."""
    points = np.where(np.isfinite(points), points, np.nan)
    finite = points[np.isfinite(points)]
    if not finite.size:
        return points
    low, high = finite.min(), finite.max()
    if high - low <= FLAT * max(abs(high), abs(low)):  # its wiggles would look like something
        return np.where(np.isnan(points), np.nan, 0.5)
    if low > 0 and high > LOG_FROM * low:
        points, low, high = np.log(points), np.log(low), np.log(high)
    return np.asarray((points - low) / (high - low))
