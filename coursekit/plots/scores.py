"""Pictures of scores over seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from coursekit.errors import BadInputError
from coursekit.plots.style import BROKEN, FIXED, NEUTRAL, axes_or_new


def plot_scores(
    scores: Mapping[str, Sequence[float]],
    *,
    ax: Axes | None = None,
    xlabel: str = "test accuracy",
    baseline: float | None = None,
    baseline_label: str = "trivial baseline",
) -> Axes:
    """One row a recipe, one mark a seed; scores that are NaN or infinite are counted in its name.

    Args:
        scores: Name of the recipe to its scores, one a seed; ``"broken"`` and ``"fixed"``
            get their own colours and markers.
        ax: Where to draw; None makes a figure.
        xlabel: What the score is.
        baseline: A score to compare with, drawn as a dotted line.
        baseline_label: What the legend calls it.

    Raises:
        BadInputError: There are no scores.
    """
    if not scores:
        raise BadInputError("No scores came. Give at least one name with its scores.")
    ax = axes_or_new(ax)
    looks = {"broken": BROKEN, "fixed": FIXED}
    for row, (name, values) in enumerate(scores.items()):
        look = looks.get(name.split(",")[0], NEUTRAL)
        ax.scatter(
            values, row + _spread(len(values)), color=look.colour, marker=look.marker,
            s=22, alpha=0.75, linewidths=0, clip_on=False, label="_row",
        )  # fmt: skip
    if baseline is not None:
        ax.axvline(baseline, color=NEUTRAL.colour, linestyle=NEUTRAL.dash, label=baseline_label)
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0))
    ax.set_yticks(range(len(scores)), [_named(*item) for item in scores.items()])
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(xlabel)
    return ax


def _named(name: str, values: Sequence[float]) -> str:
    """A row's name, with what no mark can show.

    >>> _named("broken", [0.1, float("nan")]).splitlines(), _named("fixed", [0.9])
    (['broken', '(1 of 2 not finite)'], 'fixed')
    """
    lost = int((~np.isfinite(np.asarray(values, dtype=float))).sum())
    return f"{name}\n({lost} of {len(values)} not finite)" if lost else name


def _spread(count: int) -> np.ndarray:
    """Small vertical offsets, so that equal scores stay visible, shape (count,)."""
    return np.linspace(-0.22, 0.22, count) if count > 1 else np.zeros(count)
