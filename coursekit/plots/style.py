"""How the course's figures look: one size, one set of colours, a dash or marker for each."""

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one kind of run is drawn: told apart by dash and marker where colour is lost."""

    colour: str
    dash: str
    marker: str


# Okabe and Ito, "Color Universal Design" (2008): distinct for the common kinds of colour blindness.
BROKEN = Look(colour="#D55E00", dash="--", marker="X")
FIXED = Look(colour="#0072B2", dash="-", marker="o")
NEUTRAL = Look(colour="#555555", dash=":", marker="s")

LAYER_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
LAYER_DASHES = ("-", "--", "-.", ":")

_STYLE: dict[str, Any] = {
    "figure.figsize": (6.4, 3.2),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 100,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "font.size": 10,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


def use_style() -> None:
    """Draw this session's figures in the course's style."""
    for name, value in _STYLE.items():
        plt.rcParams[name] = value  # type: ignore[index]


def axes_or_new(ax: Axes | None, *, height: float = 0.0) -> Axes:
    """The axes that were given, or the axes of a new figure, whose long labels are not cut.

    Args:
        ax: What was given.
        height: The least height of a new figure, in inches.
    """
    if ax is not None:
        return ax
    width, usual = plt.rcParams["figure.figsize"]
    return plt.subplots(figsize=(width, max(usual, height)), layout="constrained")[1]
