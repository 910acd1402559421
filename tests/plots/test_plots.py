"""Every picture draws what it was given: the artists are read back."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.plots import (
    plot_contours,
    plot_input_spread,
    plot_layers,
    plot_loss,
    plot_scores,
    use_style,
)
from coursekit.plots.style import BROKEN, FIXED
from coursekit.records import Record, Series

STEPS = np.arange(4)
RECORD = Record(
    series={
        "loss": Series(steps=STEPS, values=np.array([100.0, 10.0, 2.0, 1.0]), unit="nat"),
        "dead_fraction": Series(
            steps=STEPS, values=np.array([[0, 0], [0, 0.5], [1, 0.5], [1, 1.0]]), labels=("1", "3")
        ),
        "input_std": Series(steps=STEPS, values=np.array([[1.0, 300.0]] * 4), labels=("0", "1")),
    },
    layers=("0", "1", "3"),
    framework="torch",
)


@pytest.fixture(autouse=True)
def _close_figures() -> object:
    yield
    plt.close("all")


def test_losses_below_zero_are_on_a_linear_axis() -> None:
    """As of a Gaussian likelihood: a logarithmic one would leave half of them out."""
    below = Series(steps=STEPS, values=np.array([50.0, 0.1, -1.0, -3.0]))
    assert plot_loss(replace(RECORD, series={"loss": below})).get_yscale() == "linear"


def test_two_runs_on_one_axes_name_their_baseline_once() -> None:
    ax = plot_loss(RECORD, baseline=1.0, label="a")
    plot_loss(RECORD, baseline=1.0, label="b", ax=ax)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(names) == len(set(names)) == 3


def test_columns_that_are_named_like_layers_are_no_layers() -> None:
    counts = Series(steps=STEPS, values=np.ones((4, 2)), labels=("1", "3"))
    with pytest.raises(BadInputError, match="per column or class"):
        plot_layers(replace(RECORD, series={"label_count": counts}), "label_count")


def test_a_record_without_a_step_is_drawn_empty() -> None:
    nothing = Series(steps=np.zeros(0, np.int64), values=np.zeros((0, 2)), labels=("1", "3"))
    ax = plot_layers(replace(RECORD, series={"dead_fraction": nothing}), "dead_fraction")
    assert [len(line.get_xdata()) for line in ax.lines] == [0, 0]


def test_loss_is_drawn_as_it_is_and_on_a_log_axis_where_it_spans_much() -> None:
    ax = plot_loss(RECORD, baseline=1.1, baseline_label="ln 3", color="red")
    curve, baseline = ax.lines
    assert curve.get_ydata().tolist() == [100.0, 10.0, 2.0, 1.0]
    assert set(baseline.get_ydata()) == {1.1}
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "training loss (nat)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ln 3"]


def test_what_keras_measures_on_the_probe_is_called_so() -> None:
    run = replace(RECORD, framework="keras")
    assert plot_loss(run).get_ylabel() == "loss of the probe, in inference mode (nat)"
    assert "within the probe" in plot_input_spread(run).get_xlabel()
    assert "within a batch" in plot_input_spread(RECORD).get_xlabel()


@pytest.mark.parametrize("other", [{"loss": [1.0, 0.5]}, object()], ids=["history", "recorder"])
def test_what_is_no_record_is_refused(other: Any) -> None:
    for draw in (plot_loss, lambda one: plot_layers(one, "dead_fraction"), plot_input_spread):
        with pytest.raises(BadInputError, match=r"pass a record, such as recorder\.record"):
            draw(other)
    assert not plt.get_fignums()


def loss_of(*values: float) -> Record:
    series = Series(steps=np.arange(len(values)), values=np.array(values))
    return Record(series={"loss": series}, layers=(), framework="torch")


def test_a_quiet_loss_stays_on_a_linear_axis() -> None:
    ax = plot_loss(loss_of(2.0, 1.5, 1.0))
    assert ax.get_yscale() == "linear"
    assert ax.get_legend() is None


def test_a_loss_that_is_lost_is_crossed_out() -> None:
    ax = plot_loss(loss_of(2.0, 1.5, np.inf, np.nan))
    curve, crosses = ax.lines
    assert crosses.get_xdata().tolist() == [2, 3]
    assert crosses.get_marker() == "x"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["NaN or infinite"]
    assert curve.get_marker() == ""


def test_a_single_reading_is_a_point() -> None:
    assert plot_loss(loss_of(2.0)).lines[0].get_marker() == "o"


def test_it_draws_on_the_axes_that_it_got() -> None:
    _, (left, right) = plt.subplots(1, 2)
    assert plot_loss(RECORD, ax=left) is left
    assert plot_scores({"broken": [0.1]}, ax=right) is right
    assert len(plt.get_fignums()) == 1


def test_layers_are_told_apart_by_dash_and_named() -> None:
    ax = plot_layers(RECORD, "dead_fraction", last_step=2)
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0, 0, 1], [0, 0.5, 0.5]]
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert [line.get_label() for line in ax.lines] == ["layer 1", "layer 3"]


def layers_of(values: np.ndarray, quantity: str = "gradient_norm") -> Record:
    names = tuple(str(number) for number in range(values.shape[1]))
    series = Series(steps=np.arange(len(values)), values=values, labels=names)
    return Record(series={quantity: series}, layers=names, framework="torch")


def test_two_dozen_layers_have_looks_of_their_own() -> None:
    ax = plot_layers(layers_of(np.ones((2, 24))), "gradient_norm")
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 24


@pytest.mark.parametrize(
    ("values", "scale"), [([1e-6, 1.0], "log"), ([0.0, 1.0], "linear"), ([0.5, 1.0], "linear")]
)
def test_layers_far_apart_are_on_a_log_axis_where_it_shows_all(
    values: list[float], scale: str
) -> None:
    ax = plot_layers(layers_of(np.array([values, values])), "gradient_norm")
    assert ax.get_yscale() == scale


def test_a_quantity_that_is_not_there_or_has_no_layers_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="No quantity 'weight_norm'"):
        plot_layers(RECORD, "weight_norm")
    with pytest.raises(BadInputError, match="one number a step"):
        plot_layers(RECORD, "loss")
    columns = replace(RECORD, layers=("1", "3"))
    with pytest.raises(BadInputError, match="per column or class"):
        plot_layers(columns, "input_std")


def test_input_spread_is_one_bar_a_feature() -> None:
    ax = plot_input_spread(RECORD, names=["hue", "proline (mg/l)"])
    assert [bar.get_width() for bar in ax.patches if isinstance(bar, Rectangle)] == [1.0, 300.0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["hue", "proline (mg/l)"]
    assert ax.get_xscale() == "log"
    with pytest.raises(BadInputError, match="3 names came for 2 features"):
        plot_input_spread(RECORD, names=["a", "b", "c"])


def test_the_names_of_many_layers_stand_beside_the_picture() -> None:
    ax = plot_layers(layers_of(np.ones((2, 24))), "gradient_norm")
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
    assert ax.get_legend().get_window_extent().y1 <= ax.figure.bbox.y1
    few = plot_layers(layers_of(np.ones((2, 3))), "gradient_norm")
    few.figure.canvas.draw()
    assert few.get_legend().get_window_extent().x0 < few.get_window_extent().x1


def test_a_feature_that_does_not_vary_has_a_cross_and_many_features_have_room() -> None:
    columns = 130
    spread = np.ones((2, columns))
    spread[:, 4] = 0.0
    record = replace(
        RECORD,
        series={
            "input_std": Series(
                steps=np.array([0, 1]), values=spread, labels=tuple(map(str, range(columns)))
            )
        },
    )
    ax = plot_input_spread(record)
    (cross,) = ax.lines
    assert np.asarray(cross.get_ydata()).tolist() == [4]
    assert len(ax.get_yticklabels()) == 44  # every third
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))


def test_contours_show_the_path_at_equal_scales() -> None:
    path = np.array([[0.0, 0.0], [1.0, 0.5], [2.0, 0.0]])
    ax = plot_contours(lambda w: float(w @ w), path, minimum=np.zeros(2), names=("a", "b"))
    assert ax.lines[0].get_xydata().tolist() == path.tolist()
    assert ax.get_aspect() == 1.0
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    assert np.isclose(right - left, high - low, rtol=0.05)


@pytest.mark.parametrize("path", [np.zeros((3, 3)), np.array([[0.0, np.nan]]), np.zeros(4)])
def test_a_path_that_cannot_be_drawn_is_refused(path: np.ndarray) -> None:
    with pytest.raises(BadInputError, match="expected finite weights of shape"):
        plot_contours(lambda _: 0.0, path)


def test_scores_are_a_mark_a_seed_with_their_own_markers() -> None:
    ax = plot_scores({"broken": [0.3, 0.4], "fixed": [0.9], "more epochs": [0.35]}, baseline=0.33)
    marks = [item for item in ax.collections if isinstance(item, PathCollection)]
    assert [mark.get_offsets()[:, 0].tolist() for mark in marks] == [[0.3, 0.4], [0.9], [0.35]]
    colours = [tuple(mark.get_facecolor()[0][:3].round(2)) for mark in marks]
    assert len(set(colours)) == 3
    assert BROKEN.marker != FIXED.marker
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "broken",
        "fixed",
        "more epochs",
    ]
    lost = plot_scores({"broken": [0.3, float("nan"), float("inf")]})
    assert [label.get_text() for label in lost.get_yticklabels()] == ["broken\n(2 of 3 not finite)"]
    with pytest.raises(BadInputError, match="No scores came"):
        plot_scores({})


def test_the_style_sets_one_size() -> None:
    with plt.rc_context():
        use_style()
        assert plt.rcParams["figure.dpi"] == 100
