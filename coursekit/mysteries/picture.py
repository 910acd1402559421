"""The measurements of a run as a strip of small plots, readable in grey."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from coursekit.mysteries.sheet import LAYERED, PLACES, POINTS, RANKS, WHERE, Floats, Sheet
from coursekit.mysteries.sparkline import FLAT, LOG_FROM
from coursekit.mysteries.wording import tick, two_digits
from coursekit.plots.style import FIXED, LAYER_COLOURS, NEUTRAL

SIZE_INCHES = (12.0, 5.0)
DPI = 100
COLOURS = 64
WIDTH_PX = round(SIZE_INCHES[0] * DPI)
PLACE_WORDS = ("training", "validation", "in use")
DASHES = ("-", "--", ":")
MARKERS = ("o", "s", "^")
Corner = Literal["upper right", "upper left", "lower right", "lower left"]
_STYLE: dict[Any, Any] = {
    "figure.constrained_layout.use": False,  # the lessons' style has it; here places are fixed
    "figure.autolayout": False,
    "font.size": 9, "ytick.labelsize": 8, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titley": 1.0,  # where it would be put in any case, after a fifth of the drawing's time
}  # fmt: skip
MARKED = "#D55E00"
# Of a plot's height and width, measured for the font size of 7 that legends have.
LEGEND_LINE, LEGEND_EDGE, LEGEND_WIDTH = 0.075, 0.05, 0.68
CORNERS: tuple[Corner, ...] = ("upper right", "upper left", "lower right", "lower left")

_TITLES = {
    "loss": "loss",
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "update_ratio": "update ratio",
    "activation_std": "output spread",
    "weight_norm": "size of all weights",
}
# The lines of a plot over the run: curve to label and look.
_LINES: dict[str, dict[str, tuple[str, int]]] = {
    "loss": {"loss": ("mean", 0), "loss_high": ("highest", 1)},
    "learning_rate": {"learning_rate": ("", 0)},
    "weight_norm": {"weight_norm": ("", 0)},
}


def draw_sheet(sheet: Sheet, *, marked: str = "", beside: Sheet | None = None) -> Figure:
    """Ten small plots: seven over the run, three by place.

    Args:
        sheet: What is shown.
        marked: The plot to frame; "" for none.
        beside: A run to draw thin and grey into the plots over the run; None for none.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI)
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 5).ravel()
        # Fixed margins: to have them worked out takes longer than to draw.
        figure.subplots_adjust(
            left=0.04, right=0.99, top=0.94, bottom=0.085, wspace=0.31, hspace=0.47
        )
        names = (
            "loss", "learning_rate", "gradient_norm", "update_ratio", "activation_std",
            "idle", "weight_norm", "spreads", "thirds", "scores",
        )  # fmt: skip
        for ax, name in zip(axes, names, strict=True):
            _panel(ax, name, sheet, beside)
            if name == marked:
                _frame(ax)
        return figure


def picture(sheet: Sheet, *, marked: str = "", beside: Sheet | None = None) -> bytes:
    """The strip as PNG, of few colours: it is stored in notebooks."""
    canvas: Any = draw_sheet(sheet, marked=marked, beside=beside).canvas  # drawing is not annotated
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    few = image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    few.save(file, "png", optimize=True)
    return file.getvalue()


def _panel(ax: Axes, name: str, sheet: Sheet, beside: Sheet | None) -> None:
    """One small plot."""
    ax.grid(visible=True, color="#E4E4E4", linewidth=0.6)
    ax.set_axisbelow(True)
    if name == "idle":
        _idle(ax, sheet)
    elif name == "spreads":
        _spreads(ax, sheet)
    elif name == "thirds":
        _thirds(ax, sheet)
    elif name == "scores":
        _scores(ax, sheet)
    else:
        ax.set_title(_TITLES[name])
        _curves(ax, name, sheet, beside)


def _steps(sheet: Sheet) -> np.ndarray:
    """The steps that the points of a curve stand at."""
    return np.asarray((np.arange(POINTS) + 0.5) * sheet.number("steps") / POINTS)


def _lines(name: str, sheet: Sheet) -> Mapping[str, tuple[str, int]]:
    """The lines of a plot over the run; a layer has the same look in every network."""
    if name not in LAYERED:
        return _LINES[name]
    layers = sheet.layers(name).items()
    return {f"{name}_{where}": (words, WHERE.index(where)) for where, words in layers}


def _curves(ax: Axes, name: str, sheet: Sheet, beside: Sheet | None) -> None:
    """Curves over the steps, on a scale that suits them all; those beside them thin and black."""
    lines = _lines(name, sheet)
    curves = [sheet.curve(line) for line in lines]
    thin = [] if beside is None else [line for line in _lines(name, beside) if line != "loss_high"]
    others = [beside.curve(line) for line in thin] if beside is not None else []
    ax.set_xlim(0, sheet.number("steps"))
    _scale(ax, [*curves, *others])
    for points, (label, place) in zip(curves, lines.values(), strict=True):
        heights = _drawable(ax, points)
        ax.plot(
            _steps(sheet), heights, color=LAYER_COLOURS[(0, 5, 2)[place]], linestyle=DASHES[place],
            linewidth=2.6 - 0.7 * place,  # a line under another one still shows at its sides
            marker=MARKERS[place] if np.isfinite(heights).sum() == 1 else None, label=label or None,
        )  # fmt: skip
    for points in others:
        ax.plot(_steps(sheet), _drawable(ax, points), color="black", linewidth=0.7)
    if ax.get_legend_handles_labels()[1]:
        _legend(ax)
    if any(np.isinf(points).any() for points in curves):
        step = sheet.number("lost_at")
        _say(ax, "too large" if np.isnan(step) else f"not a number\nfrom step {step:.0f} on")
    ax.set_xlabel("step", labelpad=1)
    ax.minorticks_off()


def _legend(ax: Axes) -> None:
    """The names of the lines, in a corner where none of them runs, or in room made above them."""
    height = LEGEND_LINE * len(ax.get_legend_handles_labels()[1]) + LEGEND_EDGE
    within = np.concatenate([_run_of(ax, line) for line in ax.lines])
    for corner in CORNERS:
        right, low = corner.endswith("right"), corner.startswith("lower")
        across = within[:, 0] > 1 - LEGEND_WIDTH if right else within[:, 0] < LEGEND_WIDTH
        along = within[:, 1] < height if low else within[:, 1] > 1 - height
        if not (across & along).any():
            break
    else:
        corner = "upper right"
        _make_room(ax, height)
    ax.legend(
        fontsize=7, handlelength=2.2, labelspacing=0.2, borderpad=0.2, loc=corner, frameon=False
    )


def _run_of(ax: Axes, line: Line2D) -> np.ndarray:
    """Places along a line, from the lower left corner (0, 0) to the upper right (1, 1)."""
    points = np.asarray(line.get_xydata(), dtype=np.float64)
    places = ax.transAxes.inverted().transform(ax.transData.transform(points))
    at = np.arange(len(places))
    fine = np.linspace(0, len(places) - 1, 8 * len(places))  # a steep piece has few points
    run = np.column_stack([np.interp(fine, at, places[:, side]) for side in (0, 1)])
    return np.concatenate([places, run])


def _make_room(ax: Axes, share: float) -> None:
    """Leave the uppermost share of a plot free, on whatever scale it has."""
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(np.array(ax.get_ylim()))
    top = float(scale.inverted().transform(np.array([low + (high - low) / (1 - share)]))[0])
    ax.set_ylim(top=top)


def _drawable(ax: Axes, points: Floats) -> np.ndarray:
    """The heights of a curve: none where it is no number, the floor where it is zero."""
    heights = np.where(np.isfinite(points), points, np.nan).astype(np.float64)
    return np.where(heights == 0, _zero(ax), heights) if _is_log(ax) else heights


def _zero(ax: Axes) -> float:
    """Where zero stands on a plot by orders of magnitude: just above its lower edge."""
    return 2 * ax.get_ylim()[0]


def _is_log(ax: Axes) -> bool:
    """Whether a plot shows orders of magnitude, so that zero has no place on it."""
    return ax.get_yscale() == "log"


def _scale(ax: Axes, curves: Sequence[Floats]) -> None:
    """Orders of magnitude where the curves span many; zero then lies on the floor."""
    values = np.concatenate(curves).astype(np.float64)
    values = values[np.isfinite(values)]
    positive = values[values > 0]
    if not values.size:
        ax.set(yticks=[])
    elif values.min() < 0:
        if np.abs(values).max() > LOG_FROM:
            ax.set_yscale("symlog", linthresh=1)
    elif positive.size and (positive.max() > LOG_FROM * positive.min() or not values.all()):
        low = positive.min() / (50 if not values.all() else 2)
        ax.set_yscale("log")
        ax.set_ylim(low, positive.max() * 2)
        if not values.all():
            ax.set_yticks([at for at in ax.get_yticks() if 8 * low < at <= ax.get_ylim()[1]])
            ax.text(
                -0.02, _zero(ax), "0", transform=ax.get_yaxis_transform(), ha="right", va="center",
                weight="bold",
            )  # fmt: skip
    else:
        margin = max(0.08 * float(np.ptp(values)), 0.05 * float(np.abs(values).max()), 1e-12)
        ax.set_ylim(values.min() - margin, values.max() + margin)
        _ticks(ax, values)


def _ticks(ax: Axes, values: np.ndarray) -> None:
    """Few short labels; one of them where nothing moves."""
    if np.ptp(values) <= FLAT * np.abs(values).max():
        middle = float(values.mean())
        ax.set_yticks([middle], [tick(float(f"{middle:.1e}"))])
        return
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=(1, 2, 5, 10)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def _say(ax: Axes, words: str) -> None:
    """A sentence in the middle of a plot."""
    ax.text(
        0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85},
    )  # fmt: skip


def _idle(ax: Axes, sheet: Sheet) -> None:
    """Shares of dead and of saturated units."""
    ax.set(xlim=(0, sheet.number("steps")), ylim=(-0.05, 1.05))
    for place, (name, label) in enumerate(
        (("dead_fraction", "dead ReLU units"), ("saturated_fraction", "saturated outputs"))
    ):
        points = sheet.curve(name)
        if not np.isnan(points).all():
            heights = np.where(np.isfinite(points), points, np.nan)
            ax.plot(
                _steps(sheet), heights, color=LAYER_COLOURS[(0, 5)[place]], linewidth=2,
                linestyle=DASHES[place], label=label,
                marker="o" if np.isfinite(heights).sum() == 1 else None,
            )  # fmt: skip
    if ax.get_legend_handles_labels()[1]:
        _legend(ax)
    else:
        _say(ax, "no unit here\ncan be dead\nor saturated")
    ax.set(title="dead or saturated (share)")
    ax.set_xlabel("step", labelpad=1)


def _spreads(ax: Axes, sheet: Sheet) -> None:
    """From the narrowest to the widest column, by place; a bar across marks the middle one."""
    values = [[sheet.number(f"spread_{rank}_{place}") for rank in RANKS] for place in PLACES]
    table = np.array(values)
    finite = table[np.isfinite(table) & (table > 0)]
    floor = min(finite.min() / 3, finite.max() / 30) if finite.size else 1.0
    for place, (least, middle, most) in enumerate(table):
        if not np.isfinite(most):
            ax.text(place, floor * 2, "not a\nnumber", ha="center", weight="bold", fontsize=8)
            continue
        low, centre, high = (max(value, floor) for value in (least, middle, most))
        ax.plot([place, place], [low, high], color=FIXED.colour, linewidth=7, alpha=0.45,
                solid_capstyle="butt")  # fmt: skip
        ax.plot([place - 0.25, place + 0.25], [centre, centre], color="black", linewidth=2)
        if most == 0:
            ax.text(place, floor * 1.3, "0", ha="center", weight="bold")
    ax.set_yscale("log")
    ax.set_ylim(floor, finite.max() * 3 if finite.size else 10.0)
    _places(ax, "spread of the columns:\nnarrowest, middle, widest")


def _thirds(ax: Axes, sheet: Sheet) -> None:
    """Mean and spread of each third of the columns, by place."""
    numbers = [
        sheet.number(f"{kind}_{where}_{place}")
        for kind in ("mean", "third") for where in WHERE for place in PLACES
    ]  # fmt: skip
    finite = [abs(value) for value in numbers if np.isfinite(value)]
    if max(finite) > LOG_FROM:
        ax.set_yscale("symlog", linthresh=1)
    for offset, (where, marker) in enumerate(zip(WHERE, MARKERS, strict=True)):
        for at, place in enumerate(PLACES):
            mean, spread = (sheet.number(f"{kind}_{where}_{place}") for kind in ("mean", "third"))
            if np.isfinite(mean) and np.isfinite(spread):
                ax.errorbar(
                    at + 0.24 * (offset - 1), mean, yerr=spread, fmt=marker, markersize=5,
                    color=LAYER_COLOURS[(0, 5, 2)[offset]], label=where if at == 0 else None,
                    capsize=2, linewidth=1.4,
                )  # fmt: skip
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=7, frameon=False, ncols=3, loc="upper center", handletextpad=0.1,
                  columnspacing=0.6, bbox_to_anchor=(0.5, 1.02))  # fmt: skip
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + (high if ax.get_yscale() == "symlog" else 0.18 * (high - low)))
    which = "rows of class 1" if sheet.number("classes") else "all rows"
    _places(ax, f"mean ± spread of each third\nof the columns, {which}")


def _scores(ax: Axes, sheet: Sheet) -> None:
    """How well it answers, by place, and what the simplest rule reaches."""
    scores = [sheet.number(f"score_{place}") for place in PLACES]
    heights = np.clip(np.nan_to_num(scores, nan=-0.2, posinf=1, neginf=-0.2), -0.2, 1)
    ax.bar(range(3), heights, color="#9CC3E0", edgecolor="black", width=0.6)
    for at, (score, height) in enumerate(zip(scores, heights, strict=True)):
        ax.text(
            at, max(height, 0) + 0.03, two_digits(score), ha="center", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    trivial = sheet.number("score_trivial")
    ax.axhline(trivial, color=NEUTRAL.colour, linestyle="--", linewidth=1.3)
    classes = sheet.number("classes")
    ax.set_ylim(min(0.0, float(heights.min())), 1.18)
    guess = "a guess" if classes else "the mean"
    _places(ax, f"rightly answered\n(dashed: {guess})" if classes else f"R²\n(dashed: {guess})")


def _places(ax: Axes, title: str) -> None:
    """The three places along the lower edge."""
    ax.set_xticks(range(3), PLACE_WORDS, fontsize=8)
    ax.set_xlim(-0.5, 2.5)
    ax.set_title(title, fontsize=8)
    ax.minorticks_off()


def _frame(ax: Axes) -> None:
    """A thick frame: here it is seen."""
    for spine in ax.spines.values():
        spine.set(visible=True, color=MARKED, linewidth=3)
