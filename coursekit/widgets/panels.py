"""The lower half of a live control's picture: a score after each epoch, or a gradient by layer."""

import math
from abc import ABC, abstractmethod
from typing import final

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator

from coursekit.widgets.exploration import Curve, Watch

NORM_FLOOR, NORM_CEILING = 1e-12, 1e4
LOWEST, HIGHEST = 1e-6, 1e6  # of the losses that the axis holds in view


class Panel(ABC):
    """What is drawn under the loss.

    Attributes:
        start: Where the horizontal axis begins.
        marker: The sign of a single reading; "" draws the line alone.
    """

    start: float
    marker: str

    @abstractmethod
    def furnish(self, axes: Axes) -> None:
        """Scales and labels."""

    @abstractmethod
    def points(self, curve: Curve) -> tuple[list[float], list[float]]:
        """Where a run's line goes."""

    @abstractmethod
    def remark(self, curve: Curve) -> str:
        """What must be said of a run's line so that it is not misread, or ""."""

    @abstractmethod
    def width(self, curve: Curve) -> float:
        """Where the horizontal axis must end to hold a run."""

    @abstractmethod
    def heights(self, *curves: Curve) -> tuple[float, float]:
        """From where to where the vertical axis must go to hold these runs."""


@final
class ScorePanel(Panel):
    """The score of the watched rows after each epoch."""

    start = 0.0
    marker = ""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def furnish(self, axes: Axes) -> None:
        """Scales and labels."""
        first, rest = self._watch.words.split(" ", 1)
        axes.set(xlabel="step (batches trained on)", ylabel=f"{first}\n{rest}")
        if self._watch.quantity == "loss":
            axes.set(yscale="log")
            axes.minorticks_off()
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter("{x:g}")  # short, so that the axis keeps its label

    def points(self, curve: Curve) -> tuple[list[float], list[float]]:
        """Where a run's line goes."""
        return list(curve.scored_at), list(curve.scores)

    def remark(self, _curve: Curve) -> str:
        """Nothing: the axes are the run's own."""
        return ""

    def width(self, curve: Curve) -> float:
        """Where the horizontal axis must end to hold a run."""
        return curve.planned_steps

    def heights(self, *curves: Curve) -> tuple[float, float]:
        """Of an accuracy all; of losses few ends, so that a growing run seldom moves them."""
        if self._watch.quantity == "accuracy":
            return -0.03, 1.03
        seen = [one for curve in curves for one in curve.scores if LOWEST < one < HIGHEST]
        low, high = math.log2(min(seen, default=0.1)), math.log2(max(seen, default=1.0))
        return 2 ** (math.floor(2 * low - 0.2) / 2), 2 ** (math.ceil(2 * high + 0.2) / 2)


@final
class GradientPanel(Panel):
    """The newest finite gradient of each layer's weights, on axes that stay where they are."""

    start = 0.5
    marker = "o"

    def furnish(self, axes: Axes) -> None:
        """Scales and labels."""
        axes.set(
            xlabel="layer, from the input on", ylabel="gradient norm",
            yscale="log",
        )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.minorticks_off()

    def points(self, curve: Curve) -> tuple[list[float], list[float]]:
        """Where a run's line goes."""
        norms = [(i, norm) for i, norm in enumerate(curve.gradients, 1) if math.isfinite(norm)]
        held = [min(max(norm, NORM_FLOOR), NORM_CEILING) for _, norm in norms]
        return [i for i, _ in norms], held

    def remark(self, curve: Curve) -> str:
        """That these are not the newest, or lie beyond the top."""
        finite = [norm for norm in curve.gradients if math.isfinite(norm)]
        if curve.gradients and not finite:
            return "overflowed at once"
        lines = ["the last finite gradients"] if curve.overflowed else []
        if max(finite, default=0.0) > NORM_CEILING:
            lines.append(f"up to {max(finite):.0e}: above the top")
        return "\n".join(lines)

    def width(self, curve: Curve) -> float:
        """Where the horizontal axis must end to hold a run."""
        return len(curve.gradients) + 0.5

    def heights(self, *_: Curve) -> tuple[float, float]:
        """Always the same: what is beyond is drawn at the end."""
        return NORM_FLOOR / 3, NORM_CEILING


def panel_of(watch: Watch) -> Panel:
    """The panel that a watch asks for."""
    return GradientPanel() if watch.below == "gradients" else ScorePanel(watch)
