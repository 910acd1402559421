"""Where the values of a setting stand on an axis: evenly, by size or by order of magnitude."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import NullLocator

from coursekit.sweeps import Column

Floats = npt.NDArray[np.float64]

# A span larger than this is drawn on a logarithmic scale: small values are invisible otherwise.
LOG_FROM = 20.0

_MOST_TICKS = 12  # so many values each get a tick of their own

_LABELS = {"lr": "learning rate"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """One setting along an axis.

    Attributes:
        name: The setting.
        values: Its distinct values, shape (values,).
        at: Where each stands, shape (values,): the value itself, or its place if it is no number.
        edges: Borders of the cells around them, shape (values + 1,).
        log: Whether the axis is logarithmic.
    """

    name: str
    values: Column
    at: Floats
    edges: Floats
    log: bool

    def positions(self, values: Column) -> Floats:
        """Where these values stand, shape as given; NaN for one that has no place."""
        place = dict(zip(self.values.tolist(), self.at.tolist(), strict=True))
        return np.array([place.get(value, np.nan) for value in values.tolist()])

    def show_on(self, ax: Axes, which: Literal["x", "y"]) -> None:
        """Scale, ticks and name of one of the axes."""
        axis: Axis = ax.xaxis if which == "x" else ax.yaxis
        if self.log:
            ax.set(**{f"{which}scale": "log"})
        if len(self.values) <= _MOST_TICKS and (not self.log or self.values.dtype.kind == "i"):
            axis.set_ticks(
                self.at.tolist(), labels=[_short(value) for value in self.values.tolist()]
            )
            axis.set_minor_locator(NullLocator())
        axis.set_label_text(_LABELS.get(self.name, self.name.replace("_", " ")))


def scale_of(name: str, values: Column) -> Scale:
    """The scale that suits the values: even for text, logarithmic where they span much.

    A learning rate is on a logarithmic scale in any case.

    >>> scale_of("depth", np.array([1, 2, 3])).edges.tolist()
    [0.5, 1.5, 2.5, 3.5]
    >>> scale_of("lr", np.array([0.01, 1.0])).edges.round(4).tolist()
    [0.001, 0.1, 10.0]
    >>> scale_of("init", np.array(["zero", "unit"])).at.tolist()
    [0.0, 1.0]
    """
    number = values.dtype.kind in "if"
    at = values.astype(np.float64) if number else np.arange(len(values), dtype=np.float64)
    spans = at[-1] > LOG_FROM * at[0]
    log = bool(number and at[0] > 0 and (name == "lr" or spans))
    edges = 10 ** _borders(np.log10(at)) if log else _borders(at)
    return Scale(name=name, values=values, at=at, edges=edges, log=log)


def _short(value: object) -> str:
    """A value as a tick: numbers without a tail of zeros.

    >>> _short(10000.0), _short(0.5), _short(True), _short("relu")
    ('10000', '0.5', 'True', 'relu')
    """
    return f"{value:g}" if isinstance(value, float) else str(value)


def _borders(at: Floats) -> Floats:
    """Half-way between neighbours, and as far outside the first and the last."""
    if len(at) == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middles = (at[1:] + at[:-1]) / 2
    return np.array([2 * at[0] - middles[0], *middles, 2 * at[-1] - middles[-1]])
