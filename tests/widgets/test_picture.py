"""The picture: read back from its artists and its pixels."""

import io
import math
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from coursekit.cases import get_case
from coursekit.widgets.exploration import Curve, Run, Watch
from coursekit.widgets.panels import NORM_CEILING, NORM_FLOOR
from coursekit.widgets.picture import LIVE, REFERENCE, WIDTH_PX, Picture
from coursekit.widgets.setting import Setting

STEPS = 60


def at(position: str) -> Setting:
    return Setting(knobs=(), chosen=(position,))


REFERENCE_RUN = Run(
    setting=at("1"),
    curve=Curve(
        losses=tuple(np.geomspace(1, 0.2, STEPS)),
        scored_at=tuple(range(6, STEPS + 1, 6)),
        scores=tuple(np.linspace(0.3, 0.9, 10)),
        planned_steps=STEPS,
    ),
)


def run(losses: list[float], *, setting: str = "10", planned_steps: int = STEPS) -> Run:
    count = len(losses) // 6
    curve = Curve(
        losses=tuple(losses),
        scored_at=tuple(range(6, 6 * count + 1, 6)),
        scores=(0.5,) * count,
        planned_steps=planned_steps,
    )
    return Run(setting=at(setting), curve=curve)


def pixels(png: bytes) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def close_to(image: np.ndarray, colour: str) -> int:  # type: ignore[type-arg]
    """How many pixels have about this colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(image - wanted).max(axis=2) < 12).sum())


def test_it_is_a_png_with_the_reference_in_it() -> None:
    image = pixels(Picture(REFERENCE_RUN, watch=Watch()).draw(None))
    assert image.shape[1] == WIDTH_PX * 1.5
    assert close_to(image, str(REFERENCE["color"])) > 500
    assert close_to(image, str(LIVE["color"])) == 0


def test_the_reference_stays_and_the_run_is_drawn_over_it() -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch())
    blank = pixels(picture.draw(None))
    drawn = pixels(picture.draw(run([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])))
    assert close_to(drawn, str(LIVE["color"])) > 200
    assert close_to(drawn, str(REFERENCE["color"])) > 0.9 * close_to(blank, str(REFERENCE["color"]))
    solid = next(line for line in picture.loss_axes.lines if line.get_color() == LIVE["color"])
    dashed = next(line for line in picture.loss_axes.lines if line.get_color() != LIVE["color"])
    assert list(solid.get_ydata()) == [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    assert tuple(dashed.get_ydata()) == REFERENCE_RUN.curve.losses
    assert solid.get_linestyle() != dashed.get_linestyle()  # not by colour alone


def test_a_growing_run_grows_on_the_picture() -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch())
    blue = [
        close_to(pixels(picture.draw(run([0.9] * steps))), str(LIVE["color"]))
        for steps in (6, 30, 60)
    ]
    assert blue[0] < blue[1] < blue[2]


def test_nothing_of_an_earlier_run_is_left() -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch())
    before = picture.draw(None)
    picture.draw(run([1e5, math.nan, math.nan, 1.0, 1.0, 1.0]))
    assert picture.draw(None) == before


def test_the_setting_is_written_on_it() -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch())
    picture.draw(run([0.9], setting="300"))
    texts = [text.get_text() for text in picture.loss_axes.figure.texts]
    assert texts == ["solid: this run, 300", "dashed: reference, 1"]


@pytest.mark.parametrize(
    ("losses", "mark"),
    [
        ([1.0, 50.0, math.nan, math.nan], ([1], [50.0])),
        ([1.0, 1e30, math.inf], ([1], [1e6])),
        ([math.nan], ([0], [1.0])),
    ],
    ids=["not a number", "beyond the top", "from the first step"],
)
def test_a_run_that_diverged_is_marked_in_words_and_by_a_cross(
    losses: list[float], mark: tuple[list[int], list[float]]
) -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch())
    picture.draw(run(losses))
    first_bad = next(i for i, loss in enumerate(losses) if not math.isfinite(loss))
    assert picture.loss_axes.texts[0].get_text() == f"diverged at step {first_bad}"
    cross = next(line for line in picture.loss_axes.lines if line.get_marker() == "X")
    assert list(cross.get_xdata()) == mark[0]
    assert list(cross.get_ydata()) == pytest.approx(mark[1])
    picture.draw(run([0.9] * 6))
    assert len(cross.get_xdata()) == 0
    assert picture.loss_axes.texts[0].get_text() == ""


def test_the_axes_hold_both_runs() -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch())
    picture.draw(run([300.0, 0.003], planned_steps=90))
    assert picture.loss_axes.get_ylim() == pytest.approx((1e-3, 1e6))
    assert picture.loss_axes.get_xlim() == (0, 90)
    picture.draw(None)
    assert picture.loss_axes.get_ylim() == pytest.approx((0.1, 1))
    assert picture.loss_axes.get_xlim() == (0, STEPS)


def test_every_axis_says_what_it_shows() -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch(quantity="loss"))
    assert picture.loss_axes.get_ylabel() == "training loss"
    assert picture.lower_axes.get_ylabel() == "validation\nloss"
    assert picture.lower_axes.get_xlabel() == "step (batches trained on)"


def test_a_notebooks_layout_setting_does_not_move_it() -> None:
    plain = Picture(REFERENCE_RUN, watch=Watch()).draw(None)
    with mpl.rc_context({"figure.constrained_layout.use": True}):
        styled = Picture(REFERENCE_RUN, watch=Watch()).draw(None)
    assert styled == plain


@pytest.mark.parametrize(
    ("highest", "top"), [(0.9, 1), (1.1, 100), (99.0, 100), (101.0, 1e6), (1e9, 1e6)]
)
def test_the_loss_axis_ends_in_one_of_few_places(highest: float, top: float) -> None:
    picture = Picture(REFERENCE_RUN, watch=Watch())
    picture.draw(run([highest, 0.3]))
    assert picture.loss_axes.get_ylim() == pytest.approx((0.1, top))


def with_gradients(norms: tuple[float, ...], position: str = "3") -> Run:
    curve = Curve(losses=(1.0, 0.5), planned_steps=2, gradients=norms)
    return Run(setting=at(position), curve=curve)


def test_gradients_are_drawn_by_layer_on_axes_that_stay() -> None:
    picture = Picture(with_gradients((1.0, 2.0, 3.0)), watch=Watch(below="gradients"))
    height = picture.lower_axes.get_ylim()
    picture.draw(with_gradients((1e-30, 0.0, math.nan, 1e9, 0.5)))
    live = next(line for line in picture.lower_axes.lines if line.get_color() == LIVE["color"])
    dashed = next(line for line in picture.lower_axes.lines if line.get_color() != LIVE["color"])
    assert list(live.get_xdata()) == [1, 2, 4, 5]  # what is no number has no mark
    assert list(live.get_ydata()) == [NORM_FLOOR, NORM_FLOOR, NORM_CEILING, 0.5]
    assert list(dashed.get_ydata()) == [1.0, 2.0, 3.0]
    assert picture.lower_axes.get_ylim() == height
    assert picture.lower_axes.get_xlim() == (0.5, 5.5)
    picture.draw(None)
    assert picture.lower_axes.get_xlim() == (0.5, 3.5)
    assert picture.loss_axes.get_xlabel() == "step (batches trained on)"
    assert picture.lower_axes.get_xlabel() == "layer, from the input on"


@pytest.mark.parametrize("several", [True, False], ids=["several", "one"])
def test_both_settings_fit_and_several_controls_are_named(several: bool) -> None:
    knobs = get_case("vanishing-gradients").knobs[: 3 if several else 1]
    chosen = tuple(max(knob.positions, key=len) for knob in knobs)
    longest = Run(setting=Setting(knobs=knobs, chosen=chosen), curve=with_gradients((1.0,)).curve)
    picture = Picture(longest, watch=Watch(below="gradients"))
    picture.draw(longest)
    texts = picture.loss_axes.figure.texts
    live, reference = (text.get_window_extent() for text in texts)
    assert live.x1 < reference.x0 or live.y0 >= reference.y1
    assert max(live.x1, reference.x1) < picture.loss_axes.figure.bbox.x1
    named = [knob.name in texts[0].get_text() for knob in knobs]
    assert named == [several] * len(knobs)


def test_last_finite_gradients_are_drawn_and_named() -> None:
    picture = Picture(with_gradients((1.0, 2.0, 3.0)), watch=Watch(below="gradients"))
    run = with_gradients((2e6, 5e6, 0.5))
    picture.draw(replace(run, curve=replace(run.curve, overflowed=True)))
    drawn = next(line for line in picture.lower_axes.lines if line.get_color() == LIVE["color"])
    assert list(drawn.get_ydata()) == [NORM_CEILING, NORM_CEILING, 0.5]
    said = picture.lower_axes.texts[0]
    assert said.get_text() == "the last finite gradients\nup to 5e+06: above the top"
    picture.draw(with_gradients((1.0, 1.0, 1.0)))
    assert said.get_text() == ""
    picture.draw(with_gradients((math.nan,) * 3))
    assert said.get_text() == "overflowed at once"


def test_a_loss_below_stays_in_view_however_far_from_the_reference() -> None:
    """The axis of losses is that of both runs: a better one once went out below."""
    watch = Watch(quantity="loss")
    scored = replace(REFERENCE_RUN.curve, scored_at=(2, 4, 6), scores=(0.6, 0.55, 0.5))
    held = replace(REFERENCE_RUN, curve=scored)
    picture = Picture(held, watch=watch)
    for scores in ((0.5, 0.2, 0.02), (0.7, 3.0, 40.0), (math.nan, math.inf)):
        curve = Curve(
            losses=(1.0,), scored_at=tuple(range(len(scores))), scores=scores, planned_steps=6
        )
        picture.draw(replace(held, curve=curve))
        low, high = picture.lower_axes.get_ylim()
        finite = [score for score in (*scores, *held.curve.scores) if math.isfinite(score)]
        assert low < min(finite)
        assert high > max(finite)
        assert high / low < 4 * max(finite) / min(finite)
