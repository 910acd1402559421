"""Pictures of one record: its loss, its layers, what reached its input."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from coursekit.errors import BadInputError
from coursekit.plots.style import BROKEN, LAYER_COLOURS, LAYER_DASHES, NEUTRAL, axes_or_new
from coursekit.records import Record
from coursekit.records.quantities import PER_CLASS, PER_FEATURE

_OF_COLUMNS = (*PER_FEATURE, *PER_CLASS)  # whose labels, such as "0", may be names of layers too

# What spans more than this is drawn on a logarithmic axis: a part is invisible otherwise.
_LOG_FROM = 20.0

_FEW_LAYERS = 6  # whose names leave room for their lines
_ROWS_OF_NAMES = 16  # in a legend beside the picture

_MOST_NAMES = 64  # features with a name of their own: of more, every second, third … is named


def plot_loss(
    record: Record,
    *,
    ax: Axes | None = None,
    baseline: float | None = None,
    baseline_label: str = "trivial baseline",
    **line_kw: Any,
) -> Axes:
    """The training loss per step; steps at which it is NaN or infinite have a cross at the top.

    Of a record of Keras, it is the loss of the probe batch, in inference mode.

    Args:
        record: A record with the series ``"loss"``.
        ax: Where to draw; None makes a figure.
        baseline: A loss to compare with, drawn as a dotted line.
        baseline_label: What the legend calls it.
        **line_kw: Passed to ``Axes.plot``.

    Raises:
        BadInputError: What came is no record.
    """
    _check_record(record)
    ax = axes_or_new(ax)
    loss = record["loss"]
    ax.plot(loss.steps, loss.values, **{"marker": _lone(loss.values), **line_kw})
    _cross_out(ax, loss.steps, loss.values)
    if _spans_much(loss.values[loss.values != 0]):  # of one below 0 the axis would show nothing
        ax.set_yscale("log")
    if baseline is not None:
        named = baseline_label in ax.get_legend_handles_labels()[1]  # by a call before, on this ax
        ax.axhline(
            baseline, color=NEUTRAL.colour, linestyle=NEUTRAL.dash,
            label=None if named else baseline_label,
        )  # fmt: skip
    if ax.get_legend_handles_labels()[1]:
        ax.legend()
    unit = f" ({loss.unit})" if loss.unit else ""
    of_probe = record.framework == "keras"
    what = "loss of the probe, in inference mode" if of_probe else "training loss"
    ax.set(xlabel="step (batches)", ylabel=f"{what}{unit}")
    return ax


def plot_layers(
    record: Record, quantity: str, *, ax: Axes | None = None, last_step: int | None = None
) -> Axes:
    """One quantity per layer over the steps, such as ``"dead_fraction"``; far apart, on a log axis.

    Args:
        record: A record that has the quantity.
        quantity: The name of a series measured per layer.
        ax: Where to draw; None makes a figure.
        last_step: The last step to draw; None draws all.

    Raises:
        UnknownNameError: The record does not have the quantity.
        BadInputError: The quantity is not measured per layer, or what came is no record.
    """
    _check_record(record)
    series = record[quantity]
    if not series.labels:
        raise BadInputError(f"{quantity!r} is one number a step, not one a layer. Use plot_loss.")
    if quantity in _OF_COLUMNS or not set(series.labels) <= set(record.layers):
        raise BadInputError(f"{quantity!r} is not measured per layer, but per column or class.")
    ax = axes_or_new(ax)
    shown = np.ones(len(series.steps), bool) if last_step is None else series.steps <= last_step
    for index, layer in enumerate(series.labels):
        ax.plot(
            series.steps[shown], series.values[shown, index],
            color=LAYER_COLOURS[index % len(LAYER_COLOURS)],
            linestyle=LAYER_DASHES[(index + index // 12) % len(LAYER_DASHES)],  # 24 looks
            label=f"layer {layer}" if layer else "the model's own",
            marker=_lone(series.values[shown, index]),
        )  # fmt: skip
    if quantity.endswith("fraction"):
        ax.set_ylim(-0.03, 1.03)
    elif _spans_much(series.values[shown]):
        ax.set_yscale("log")
    _name_the_lines(ax, len(series.labels))
    ax.set(xlabel="step (batches)", ylabel=quantity.replace("_", " "))
    return ax


def plot_input_spread(
    record: Record, *, names: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """The standard deviation of each feature as it reached the network, on a log axis.

    A feature that does not vary at all has a cross in place of a bar.

    Args:
        record: A record with the series ``"input_std"``.
        names: One name a feature, with its unit; None numbers them.
        ax: Where to draw; None makes a figure.

    Raises:
        BadInputError: There are not as many names as features, or what came is no record.
    """
    _check_record(record)
    spread = record["input_std"]
    names = list(spread.labels) if names is None else list(names)
    if len(names) != len(spread.labels):
        raise BadInputError(
            f"{len(names)} names came for {len(spread.labels)} features. Give one name a feature."
        )
    mean = np.nanmean(spread.values, axis=0)  # (features,)
    ax = axes_or_new(ax, height=0.6 + 0.16 * min(len(mean), _MOST_NAMES))
    rows = np.arange(len(mean))
    ax.barh(rows, mean, color=LAYER_COLOURS[0])
    ax.set_xscale("log")
    _mark_constant(ax, rows[mean == 0])
    every = -(-len(rows) // _MOST_NAMES)
    ax.set_yticks(rows[::every], names[::every])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    rows_of = "the probe" if record.framework == "keras" else "a batch"
    ax.set(xlabel=f"standard deviation within {rows_of} (unit of the feature)")
    return ax


def _check_record(record: object) -> None:
    """Refuse what is no record, such as what a recorder or Keras's ``fit`` returns."""
    if not isinstance(record, Record):
        raise BadInputError(
            f"A {type(record).__name__} came; pass a record, such as recorder.record. The History "
            "that model.fit returns has no vital signs."
        )


def _mark_constant(ax: Axes, rows: np.ndarray) -> None:
    """A cross at the left of each feature that does not vary: a log axis has no bar for it."""
    if len(rows):
        ax.plot(
            np.full(len(rows), 0.01), rows, transform=ax.get_yaxis_transform(), clip_on=False,
            color=BROKEN.colour, marker="x", linestyle="", label="constant (0)",
        )  # fmt: skip
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0))


def _name_the_lines(ax: Axes, lines: int) -> None:
    """A legend: in the picture where it is short, on its right where it would cover the lines."""
    if lines <= _FEW_LAYERS:
        ax.legend()
        return
    columns = -(-lines // _ROWS_OF_NAMES)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="x-small", ncols=columns)


def _spans_much(values: np.ndarray) -> bool:
    """Whether a logarithmic axis is needed to see them all, and can show them all."""
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > _LOG_FROM * finite.min())


def _lone(values: np.ndarray) -> str:
    """The marker of a line through these values: one reading alone would draw nothing."""
    return "o" if np.isfinite(values).sum() == 1 else ""


def _cross_out(ax: Axes, steps: np.ndarray, values: np.ndarray) -> None:
    """A cross at the top for each step with a value that no line shows, shape (steps,)."""
    lost = ~np.isfinite(values)
    if lost.any():
        ax.plot(
            steps[lost], np.ones(lost.sum()), transform=ax.get_xaxis_transform(), clip_on=False,
            color=BROKEN.colour, marker="x", linestyle="", label="NaN or infinite",
        )  # fmt: skip
