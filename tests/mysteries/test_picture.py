"""The strip of small plots: every measurement is there, and readable without colour."""

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from coursekit.mysteries.describing import tables
from coursekit.mysteries.picture import MARKED, draw_sheet, picture
from coursekit.mysteries.pool import stored
from coursekit.mysteries.sheet import Sheet
from coursekit.mysteries.tells import TELLS
from coursekit.plots import use_style

PANELS = (
    "loss", "learning_rate", "gradient_norm", "update_ratio", "activation_std", "idle",
    "weight_norm", "spreads", "thirds", "scores",
)  # fmt: skip


def one(case: str, *, healthy: bool = False) -> Sheet:
    run = next(run for run in stored() if run.case == case and run.healthy == healthy)
    return stored().sheet(run.name)


def panels(sheet: Sheet, *, marked: str = "", beside: Sheet | None = None) -> dict[str, Axes]:
    return dict(zip(PANELS, draw_sheet(sheet, marked=marked, beside=beside).axes, strict=True))


@pytest.mark.parametrize("name", stored().names[::20])
def test_every_run_can_be_drawn(name: str) -> None:
    assert picture(stored().sheet(name))[1:4] == b"PNG"


def test_a_lessons_style_moves_no_plot() -> None:
    """And warns of nothing, which would be an error here: that style lays figures out by itself."""
    sheet = stored().sheet(stored().names[0])
    with mpl.rc_context():
        plain = [ax.get_position().bounds for ax in draw_sheet(sheet).axes]
        use_style()
        assert [ax.get_position().bounds for ax in draw_sheet(sheet).axes] == plain


def test_the_lines_are_what_was_measured() -> None:
    sheet = one("unscaled-features", healthy=True)
    drawn = panels(sheet)
    for where, line in zip(("first", "last"), drawn["gradient_norm"].lines, strict=True):
        np.testing.assert_allclose(line.get_ydata(), sheet.curve(f"gradient_norm_{where}"))
    np.testing.assert_allclose(drawn["loss"].lines[0].get_ydata(), sheet.curve("loss"))
    bars = [bar for bar in drawn["scores"].patches if isinstance(bar, Rectangle)]
    heights = [bar.get_height() for bar in bars]
    np.testing.assert_allclose(
        heights, [sheet.number(f"score_{place}") for place in ("training", "validation", "use")]
    )


def test_lines_of_one_plot_differ_in_more_than_colour() -> None:
    for name in ("loss", "gradient_norm", "update_ratio", "activation_std"):
        lines = panels(one("vanishing-gradients"))[name].lines
        looks = [(line.get_linestyle(), line.get_linewidth()) for line in lines]
        assert all(a != b for a, b in itertools.combinations(looks, 2))


def test_zero_stands_on_the_floor_of_a_plot_by_orders_of_magnitude() -> None:
    drawn = panels(one("stale-optimizer"))["update_ratio"]
    assert drawn.get_yscale() == "log"
    assert set(drawn.lines[0].get_ydata()) == {2 * drawn.get_ylim()[0]}
    assert [text.get_text() for text in drawn.texts] == ["0"]
    assert len(drawn.get_yticks()) > 0
    assert min(drawn.get_yticks()) > 2 * drawn.lines[0].get_ydata()[0], "none under the zero"


def test_a_run_that_broke_down_says_so() -> None:
    words = [text.get_text() for text in panels(one("one-nan"))["loss"].texts]
    assert any(text.startswith("not a number\nfrom step ") for text in words)
    spreads = panels(one("one-nan"))["spreads"]
    assert any(text.get_text() == "not a\nnumber" for text in spreads.texts)


def test_a_negative_loss_can_be_seen() -> None:
    drawn = panels(one("bce-integer-labels"))["loss"]
    assert drawn.get_yscale() == "symlog"
    assert drawn.get_ylim()[0] < -1000


def test_a_plot_without_units_that_can_be_idle_says_so() -> None:
    words = panels(one("edge-of-stability"))["idle"].texts[0].get_text()
    assert words == "no unit here\ncan be dead\nor saturated"


def test_dead_units_have_the_same_name_as_in_the_text() -> None:
    sheet = one("dead-relu")
    drawn = panels(sheet)["idle"]
    assert drawn.get_title() == "dead or saturated (share)"
    labels = drawn.get_legend_handles_labels()[1]
    rows = tables(sheet)[0].rows
    assert labels == ["dead ReLU units"]
    assert f"{labels[0]}, share" in rows
    assert not any("idle" in word for word in (drawn.get_title(), *labels, *rows))


def test_a_layer_is_drawn_once_as_it_stands_in_the_text() -> None:
    for case in ("edge-of-stability", "missing-zero-grad", "vanishing-gradients"):
        sheet = one(case)
        rows = tables(sheet)[0].rows
        for name, title in (
            ("gradient_norm", "gradient norm"),
            ("activation_std", "output spread"),
        ):
            labels = panels(sheet)[name].get_legend_handles_labels()[1]
            assert [f"{title}, {label}" for label in labels] == [
                row for row in rows if row.startswith(title)
            ]
    assert len(panels(one("edge-of-stability"))["gradient_norm"].lines) == 1


# The widest labels: very small rates and ratios, very large gradients, four digits behind a point.
@pytest.mark.parametrize(
    "case", ["edge-of-stability", "learning-rate-too-low", "missing-zero-grad", "decay-too-early"]
)
@pytest.mark.parametrize("healthy", [False, True])
def test_no_label_runs_into_the_plot_on_its_left(case: str, healthy: bool) -> None:
    drawn = draw_sheet(one(case, healthy=healthy))
    drawn.draw_without_rendering()
    for place, ax in enumerate(drawn.axes):
        wall = drawn.axes[place - 1].bbox.x1 if place % 5 else 0
        labels = [
            tick.label1.get_window_extent() for tick in ax.yaxis.get_major_ticks()
            if ax.viewLim.y0 <= tick.get_loc() <= ax.viewLim.y1
        ]  # fmt: skip
        assert all(label.x0 > wall for label in labels if label.width), ax.get_title()


@pytest.mark.parametrize("name", TELLS)
def test_the_plot_that_decides_is_one_of_them(name: str) -> None:
    assert TELLS[name].reading.panel in ("", *PANELS)


def test_the_deciding_plot_is_framed_and_the_other_run_is_drawn_into_it() -> None:
    sheet, beside = one("vanishing-gradients"), one("vanishing-gradients", healthy=True)
    drawn = panels(sheet, marked="gradient_norm", beside=beside)
    framed = [
        name for name, ax in drawn.items()
        if to_hex(ax.spines["top"].get_edgecolor()) == MARKED.lower()
        and ax.spines["top"].get_visible()
    ]  # fmt: skip
    assert framed == ["gradient_norm"]
    lines = drawn["gradient_norm"].lines
    assert len(lines) == 6
    low, high = drawn["gradient_norm"].get_ylim()
    for line in lines:
        assert low <= np.nanmin(line.get_ydata())
        assert np.nanmax(line.get_ydata()) <= high


def test_the_same_run_gives_the_same_picture() -> None:
    sheet = one("raw-test-set")
    assert picture(sheet) == picture(sheet)


@pytest.mark.parametrize("name", stored().names[::12])
def test_no_legend_hides_a_line(name: str) -> None:
    """A name ends to the left or right of every line, or above it, and within its plot."""
    figure = draw_sheet(stored().sheet(name))
    figure.draw_without_rendering()
    for ax in figure.axes[:7]:
        legend = ax.get_legend()
        if legend is None:
            continue
        box = legend.get_window_extent()
        assert box.x0 >= ax.bbox.x0 - 1
        assert box.y1 <= ax.bbox.y1 + 1
        for line in ax.lines:
            inside = line.get_transform().transform_path(line.get_path())
            assert not inside.intersects_bbox(box, filled=False), (name, ax.get_title())
