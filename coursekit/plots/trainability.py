"""The trainability map: where a model learns, and where its training blows up."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator

from coursekit.errors import BadInputError
from coursekit.plots.scales import Scale, scale_of
from coursekit.plots.style import BROKEN, FIXED, NEUTRAL, axes_or_new
from coursekit.sweeps import Sweep, SweepTable

Floats = npt.NDArray[np.float64]

_LOST_HATCH, _LOST_FACE, _LOST_LINES = "////", "#F2F2F2", "#9A9A9A"
_MARK: dict[str, Any] = {"facecolor": "white", "edgecolor": "black", "s": 26, "linewidths": 0.8}

# Losses that span more than this are shown by their logarithm.
_LOG_FROM = 5.0
_FEW_DECADES = 3

# A row whose losses all lie closer together than this has no lowest one worth a mark.
_WORTH_A_MARK = 0.95


def plot_trainability(
    result: Sweep,
    *,
    x: str = "lr",
    y: str | None = None,
    where: Mapping[str, object] | None = None,
    ax: Axes | None = None,
    **artist_kw: Any,
) -> Axes:
    """The loss at the end over two settings as colours, or over one as a line.

    Each cell is the median over seeds. Cells in which half of the seeds or more diverged are
    hatched; a × marks those in which fewer did. A dot marks the lowest loss of a row, unless the
    row is flat.

    Args:
        result: What `coursekit.sweep` returned.
        x: The setting along the horizontal axis.
        y: The setting along the vertical axis; None takes the other knob that varies. If none
            does, the loss is drawn against x.
        where: What further settings must be, where they vary: ``{"depth": 3}``.
        ax: Where to draw; None makes a figure.
        **artist_kw: Passed to ``Axes.pcolormesh``, or to ``Axes.plot`` for the line.

    Raises:
        UnknownNameError: There is no such setting.
        BadInputError: A setting varies that is neither shown nor picked.
    """
    other = y if y is not None else _other_knob(result, x, where)
    table = result.table(x=x, y=other, where=where)
    ax = axes_or_new(ax)
    if other is None:
        _draw_line(result, table, where, ax, artist_kw)
    else:
        _draw_map(table, ax, _label(result.unit), artist_kw)
    return ax


def _other_knob(result: Sweep, x: str, where: Mapping[str, object] | None) -> str | None:
    """The knob that varies beside x, if there is exactly one."""
    chosen = result.runs(where)
    varying = [
        name
        for name, column in result.settings.items()
        if name not in {x, "seed"} and len(np.unique(column[chosen])) > 1
    ]
    if len(varying) > 1:
        raise BadInputError(
            f"{' and '.join(varying)} vary beside {x}. Pass one of them as y, and pick a value for "
            f"the others: where={{{varying[1]!r}: …}}."
        )
    return varying[0] if varying else None


def _draw_map(table: SweepTable, ax: Axes, label: str, artist_kw: dict[str, Any]) -> None:
    """Colours for the cells that trained, a hatch for those that diverged, and a key."""
    x, y = scale_of(table.x_name, table.x), scale_of(table.y_name, table.y)
    lost, shown = np.isinf(table.loss), np.ma.masked_invalid(table.loss)
    options: dict[str, Any] = {"cmap": "viridis", "norm": _norm(shown.compressed())} | artist_kw
    mesh = ax.pcolormesh(x.edges, y.edges, shown, **options)
    if lost.any():
        _hatch(ax, x, y, lost)
    partly = (table.diverged > 0) & ~lost
    _mark(ax, x, y, partly, marker="X", label="some seeds diverged")
    _mark(ax, x, y, _lowest(table.loss), marker="o", label="lowest of its row")
    x.show_on(ax, "x")
    y.show_on(ax, "y")
    ax.set(xlim=x.edges[[0, -1]], ylim=y.edges[[0, -1]])
    ax.grid(visible=False)
    _colour_bar(ax, mesh, label)
    _key(ax)


def _draw_line(
    result: Sweep,
    table: SweepTable,
    where: Mapping[str, object] | None,
    ax: Axes,
    artist_kw: dict[str, Any],
) -> None:
    """The median over seeds as a line, each seed a point, and a × at the top for each diverged."""
    x, chosen = scale_of(table.x_name, table.x), result.runs(where)
    at, lost = x.positions(result.settings[table.x_name]), result.diverged
    kept, median = chosen & ~lost, np.where(np.isinf(table.loss[0]), np.nan, table.loss[0])
    options: dict[str, Any] = {
        "color": FIXED.colour,
        "marker": FIXED.marker,
        "markersize": 4,
    } | artist_kw
    ax.plot(x.at, median, label="median over seeds", **options)
    if table.diverged.size < kept.sum():
        ax.plot(at[kept], result.loss[kept], linestyle="", marker=".", markersize=3,
                color=NEUTRAL.colour, label="one seed", zorder=1)  # fmt: skip
    gone = chosen & lost
    if gone.any():
        ax.plot(at[gone], np.full(int(gone.sum()), 0.96), linestyle="", marker=BROKEN.marker,
                color=BROKEN.colour, transform=ax.get_xaxis_transform(), label="diverged",
                )  # fmt: skip
    if isinstance(_norm(result.loss[kept]), LogNorm):
        ax.set_yscale("log")
    x.show_on(ax, "x")
    ax.set(xlim=x.edges[[0, -1]], ylabel=_label(result.unit))
    if len(ax.get_legend_handles_labels()[1]) > 1:
        ax.legend()


def _norm(losses: Floats) -> Normalize:
    """Logarithmic where the losses span much."""
    if not losses.size:
        return Normalize(0.0, 1.0)
    low, high = float(losses.min()), float(losses.max())
    return LogNorm(low, high) if low > 0 and high > _LOG_FROM * low else Normalize(low, high)


def _hatch(ax: Axes, x: Scale, y: Scale, lost: npt.NDArray[np.bool_]) -> None:
    """Grey with lines across the cells that diverged: told from the colours without colour."""
    cells = np.ma.masked_array(np.zeros(lost.shape), mask=~lost)
    ax.pcolor(x.edges, y.edges, cells, cmap=ListedColormap([_LOST_FACE]), hatch=_LOST_HATCH,
              edgecolor=_LOST_LINES, linewidth=0.0)  # fmt: skip


def _lowest(loss: Floats) -> npt.NDArray[np.bool_]:
    """The lowest finite loss of each row, where it lies clearly below the highest."""
    found = np.zeros(loss.shape, dtype=np.bool_)
    for row, losses in enumerate(loss):
        finite = losses[np.isfinite(losses)]
        if finite.size and finite.min() < _WORTH_A_MARK * finite.max():
            found[row, np.flatnonzero(losses == finite.min())[0]] = True
    return found


def _mark(ax: Axes, x: Scale, y: Scale, cells: npt.NDArray[np.bool_], **look: Any) -> None:
    """A marker in the middle of each of these cells."""
    rows, columns = np.nonzero(cells)
    if len(rows):
        ax.scatter(x.at[columns], y.at[rows], zorder=4, **_MARK, **look)


def _colour_bar(ax: Axes, mesh: QuadMesh, label: str) -> None:
    """What the colours mean, on the right."""
    figure = ax.figure
    bar = figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label(label)
    bar.outline.set_visible(False)
    if isinstance(mesh.norm, LogNorm):
        bar.set_ticks(LogLocator(subs=_steps(mesh.norm)))
        bar.set_ticks([], minor=True)
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _steps(norm: LogNorm) -> tuple[float, ...]:
    """Where ticks stand within a decade: more of them where there are few decades."""
    decades = np.log10(norm.vmax / norm.vmin) if norm.vmin and norm.vmax else 1.0
    return (1.0, 2.0, 5.0) if decades < _FEW_DECADES else (1.0,)


def _key(ax: Axes) -> None:
    """What hatch and markers mean, above the map, where they hide nothing."""
    handles = list(ax.get_legend_handles_labels()[0])
    if any(collection.get_hatch() for collection in ax.collections):
        handles.insert(0, Patch(facecolor=_LOST_FACE, edgecolor=_LOST_LINES, hatch=_LOST_HATCH,
                                linewidth=0.0, label="diverged"))  # fmt: skip
    if not handles:
        return
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3,
              borderaxespad=0.2, handletextpad=0.4, columnspacing=1.0,
              fontsize="small")  # fmt: skip


def _label(unit: str) -> str:
    """The axis of the loss, with its unit."""
    return f"loss at the end ({unit})" if unit else "loss at the end"
