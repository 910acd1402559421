"""A picture the height of a line of text, as inline SVG: no script, nothing to fetch."""

from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit.records.series import Series

LINES = 6  # more would be one blot, and a page of 300 layers would be large
POINTS = 48  # about one every two pixels
WIDTH, HEIGHT = 200, 40

Floats = npt.NDArray[np.float64]


def sparkline(series: Series, *, text: str) -> str:
    """Draw a series: one line a label, at most `LINES` of them, readings in their order.

    All lines share one scale, from the smallest to the largest finite value drawn. A tick at the
    top marks a reading that is not finite.

    Args:
        series: What to draw.
        text: What the picture shows, in words, for those who do not see it.

    Returns:
        An ``<svg>`` element; "" where there is nothing to draw.

    >>> loss = Series(steps=np.array([0, 1]), values=np.array([2.0, 1.0]))
    >>> "M4 4L196 36" in sparkline(loss, text="The loss falls.")
    True
    """
    lines = drawn(series)
    if not lines.size:
        return ""
    kind = ' class="many"' if lines.shape[1] > 1 else ""
    heights = _heights(lines)
    paths = "".join(_path(column) for column in heights.T)
    ticks = _ticks(np.asarray(np.isnan(heights).any(axis=1)))
    return (
        f'<svg{kind} role="img" aria-label="{escape(text)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH * 3 // 5}" height="{HEIGHT * 3 // 5}">{paths}{ticks}</svg>'
    )


def drawn(series: Series) -> Floats:
    """The columns that are drawn, shape (readings, at most `LINES`): first, last and between."""
    table = series.values.reshape(len(series.steps), -1) if series.values.size else series.values
    if table.ndim < 2 or table.shape[1] <= LINES:
        return table
    return table[:, np.linspace(0, table.shape[1] - 1, LINES).round().astype(int)]


def _heights(lines: Floats) -> Floats:
    """Values as fractions of their common range; NaN where not finite."""
    finite = np.where(np.isfinite(lines), lines, np.nan) / 2  # halves: a range may overflow
    if np.isnan(finite).all():
        return finite
    low, high = np.nanmin(finite), np.nanmax(finite)
    if not high > low:
        return np.where(np.isnan(finite), finite, 0.5)
    fractions: Floats = (finite - low) / (high - low)
    return fractions


def _path(heights: Floats) -> str:
    """One line; it breaks where a value is not finite, and a lone reading is a dot."""
    at = _thin(heights)
    points = [None if np.isnan(heights[n]) else (_x(n, len(heights)), _y(heights[n])) for n in at]
    words: list[str] = []
    for before, point, after in zip([None, *points], points, [*points[1:], None], strict=False):
        if point is not None:
            pen = "M" if before is None else "L"
            dot = "h0" if before is None and after is None else ""
            words.append(f"{pen}{point[0]} {point[1]}{dot}")
    return f'<path d="{"".join(words)}"/>' if words else ""


def _thin(heights: Floats) -> npt.NDArray[Any]:
    """Which readings to draw: of each stretch its lowest, its highest and one not finite."""
    everything = np.arange(len(heights))
    if len(heights) <= POINTS:
        return everything
    chosen: set[int] = {0, len(heights) - 1}
    for stretch in np.array_split(everything, POINTS // 2):
        missing = np.isnan(heights[stretch])
        there = stretch[~missing]
        if missing.any():
            chosen.add(int(stretch[missing][0]))
        if len(there):
            chosen |= {int(there[heights[there].argmin()]), int(there[heights[there].argmax()])}
    return np.array(sorted(chosen))


def _ticks(lost: npt.NDArray[np.bool_]) -> str:
    """Ticks at the top where a reading is not finite."""
    places = dict.fromkeys(_x(number, len(lost)) for number in np.flatnonzero(lost).tolist())
    marks = "".join(f"M{x} 0v8" for x in places)
    return f'<path class="lost" d="{marks}"/>' if marks else ""


def _x(number: int, count: int) -> int:
    """Where a reading stands, left to right."""
    return 4 + round((WIDTH - 8) * (number / (count - 1) if count > 1 else 0.5))


def _y(height: float) -> int:
    """Where a fraction of the range stands; SVG counts downwards."""
    return 4 + round((HEIGHT - 8) * (1 - height))
