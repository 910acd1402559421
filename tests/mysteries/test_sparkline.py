"""A line of characters says what the numbers beside it say."""

import numpy as np
import pytest

from coursekit.mysteries.pool import stored
from coursekit.mysteries.sheet import CURVES, POINTS, Floats
from coursekit.mysteries.sparkline import BLOCKS, FLAT, LOST, MARKS, PLAIN_BLOCKS, sparkline

LOW, HIGH = BLOCKS[0], BLOCKS[-1]


def curve(values: object) -> Floats:
    return np.broadcast_to(np.asarray(values, dtype=np.float32), POINTS).copy()


def test_a_straight_climb() -> None:
    """Marks 0 and 19 are the ends; heights of the others are those of their stretch."""
    line = sparkline(curve(np.linspace(0, 7, POINTS)))
    assert (line[0], line[-1], len(line)) == (LOW, HIGH, MARKS)
    assert list(line) == sorted(line)
    assert sparkline(curve(np.linspace(0, 7, POINTS)), blocks=PLAIN_BLOCKS)[-1] == PLAIN_BLOCKS[-1]


def test_a_first_point_that_lies_far_from_the_others_is_seen_and_sets_the_scale() -> None:
    """27, then about 1: the loss of rows on different scales."""
    points = curve(1.0 + 0.1 * np.sin(np.arange(POINTS)))
    points[0] = 10.0
    line = sparkline(points)
    assert line == HIGH + (MARKS - 1) * LOW
    points[0] = 0.1
    assert sparkline(points)[0] == LOW
    assert set(sparkline(points)[1:]) <= {"▇", HIGH}


def test_a_last_point_that_lies_far_from_the_others_is_seen() -> None:
    points = curve(1.0)
    points[-1] = 5.0
    assert sparkline(points) == (MARKS - 1) * LOW + HIGH


@pytest.mark.parametrize("place", range(POINTS))
@pytest.mark.parametrize(("usual", "odd", "mark"), [(1.0, 5.0, HIGH), (5.0, 1.0, LOW)])
def test_one_odd_point_is_seen_wherever_it_is(
    place: int, usual: float, odd: float, mark: str
) -> None:
    points = curve(usual)
    points[place] = odd
    assert sparkline(points).count(mark) == 1


@pytest.mark.parametrize("place", [11, 12, 13])
def test_an_odd_point_is_seen_that_is_neither_lowest_nor_highest(place: int) -> None:
    """Half way down in a row of sixes, of which the middle would have shown one in three."""
    points = curve(np.where(np.arange(POINTS) < 30, 6.0, 0.0))
    points[0] = 7.0
    points[place] = 3.0
    assert sparkline(points).count("▄") == 1


def test_what_hardly_moves_is_a_straight_line() -> None:
    assert len(set(sparkline(curve(0.3)))) == 1
    assert len(set(sparkline(curve(2.3 + 0.001 * np.sin(np.arange(POINTS)))))) == 1


def test_orders_of_magnitude() -> None:
    powers = 10.0 ** -np.arange(POINTS, dtype=np.float64)
    assert set(sparkline(powers)) == set(BLOCKS)


def test_where_a_run_broke_down_there_are_crosses() -> None:
    up = np.linspace(0, 7, POINTS)
    line = sparkline(curve(np.where(np.arange(POINTS) < 30, up, np.inf)))
    assert line.endswith(9 * LOST)
    assert HIGH in line, "the highest reading is seen, though readings beside it are none"
    assert sparkline(curve(np.inf)) == LOST * MARKS
    assert sparkline(curve(np.where(np.arange(POINTS) < 1, up, np.inf)))[1:] == LOST * (MARKS - 1)


@pytest.mark.parametrize("name", stored().names)
def test_every_stored_curve_is_drawn_as_its_numbers_say(name: str) -> None:
    """The ends stand where start and end are; the printed lowest and highest are both there."""
    for points in stored().sheet(name).curves:
        line, finite = sparkline(points), points[np.isfinite(points)]
        assert np.isfinite(points).all() or LOST in line
        if not finite.size or np.ptp(finite) <= 1.01 * FLAT * np.abs(finite).max():
            continue
        assert {LOW, HIGH} <= set(line)
        for mark, point in ((line[0], points[0]), (line[-1], points[-1])):
            assert (mark == LOST) == (not np.isfinite(point))
            assert point != finite.min() or mark == LOW
            assert point != finite.max() or mark == HIGH


def test_every_curve_of_the_sheet_is_as_long_as_thought() -> None:
    assert stored().sheet(stored().names[0]).curves.shape == (len(CURVES), POINTS)
