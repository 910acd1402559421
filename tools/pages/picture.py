"""The runs of a case as a picture, and what it shows as a sentence."""

import io
import math
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from coursekit.cases.case import Case
from coursekit.cases.claim import Claim, NoDifference, Raises
from coursekit.evidence import stored_scores
from coursekit.plots import plot_scores, use_style

Scores = dict[str, list[float]]
AXES = {
    "truth": "truth: the score in use",
    "overestimate": "overestimate: estimate minus truth",
    "test_r2": "test R²",
    "test_over_train": "test loss ÷ training loss",
    "old_accuracy": "accuracy of the frozen part with its old head",
}


def scores_of(case: Case) -> Scores:
    """Recipe to its scores, in the order of the page; empty where the claim has no score."""
    if isinstance(case.claim, Raises):
        return {}
    names = ["broken", *(rival.name for rival in case.rivals), "fixed", "healthy"]
    stored = stored_scores(case.name, score=case.claim.score)
    return {name: stored[name] for name in names if name in stored}


def drawn(case: Case) -> str | None:
    """The picture as SVG; None where there is no score to draw."""
    runs = scores_of(case)
    if not runs:
        return None
    use_style()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": case.name}):
        figure = Figure(figsize=(5.6, 0.8 + 0.3 * len(runs)), layout="constrained")
        ax = figure.subplots()
        shown = {_label(name, scores): _finite(scores) for name, scores in runs.items()}
        plot_scores(shown, ax=ax, xlabel=_axis(case))
        if _in_logarithms(case, runs):
            _in_powers_of_ten(ax)
        if isinstance(case.claim, NoDifference):  # so that a small spread looks small
            ax.update_datalim([(case.claim.bound, 0.0)])
            ax.autoscale_view(scaley=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _in_powers_of_ten(ax: Axes) -> None:
    """Turn the axis of the scores; where it spans few powers, number what lies between."""
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    if high / low < 100:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())


def in_words(case: Case) -> str:
    """The picture for those who cannot see it: the range of each recipe."""
    parts = [_range(name, scores) for name, scores in scores_of(case).items()]
    return f"{_axis(case)} over seeds: {'; '.join(parts)}."


def _axis(case: Case) -> str:
    """What the score is called."""
    assert not isinstance(case.claim, Raises)
    return AXES.get(case.claim.score, case.claim.score.replace("_", " "))


def _finite(scores: Sequence[float]) -> list[float]:
    """Those that can be drawn."""
    return [score for score in scores if math.isfinite(score)]


def _label(name: str, scores: Sequence[float]) -> str:
    """A name, with the number of runs that have no place in the picture."""
    lost = len(scores) - len(_finite(scores))
    return f"{name}, {lost} not finite" if lost else name


def _range(name: str, scores: Sequence[float]) -> str:
    """``broken .39 to .39``."""
    finite = _finite(scores)
    words = f"{min(finite):.3g} to {max(finite):.3g}" if finite else "none"
    return f"{_label(name, scores)} {words}"


def _in_logarithms(case: Case, runs: Scores) -> bool:
    """Whether the score spans powers of ten."""
    ratio = isinstance(case.claim, Claim) and case.claim.ratio
    return ratio and min(min(_finite(scores), default=1.0) for scores in runs.values()) > 0
