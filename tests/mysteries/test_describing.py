"""What is shown as text is what the pictures show, and all of it."""

import numpy as np
import pytest

from coursekit.mysteries.describing import (
    BLOCKS,
    LOST,
    PLAIN_BLOCKS,
    facts,
    sparkline,
    tables,
)
from coursekit.mysteries.pool import stored
from coursekit.mysteries.sheet import CURVES, NUMBERS, POINTS, WHERE, Sheet


def made(**changes: float) -> Sheet:
    """A sheet of plain values: each curve falls from 2 to 1, each number is 3."""
    numbers = np.full(len(NUMBERS), 3.0, dtype=np.float32)
    numbers[NUMBERS.index("lost_at")] = np.nan
    for name, value in changes.items():
        numbers[NUMBERS.index(name)] = value
    falling = np.linspace(2, 1, POINTS, dtype=np.float32)
    return Sheet(curves=np.tile(falling, (len(CURVES), 1)), numbers=numbers)


def test_every_curve_has_a_row_with_its_ends_and_range() -> None:
    table, _ = tables(made())
    assert len(table.rows) == len(CURVES)
    for cells in table.rows.values():
        assert cells[1:] == ("2", "1", "1", "2")
    assert {f"gradient norm, {where} layer" for where in WHERE} <= table.rows.keys()


def test_every_number_by_place_has_a_cell() -> None:
    sheet = made(spread_most_use=700.0, score_validation=0.25, mean_last_training=-4.0)
    _, table = tables(sheet)
    assert table.heads == ("training", "validation", "in use")
    assert table.rows["spread, widest column"] == ("3", "3", "700")
    assert table.rows["mean, last third, rows of class 1"] == ("-4", "3", "3")
    assert table.rows["rightly answered (a guess: 3)"] == ("3", "0.25", "3")


def test_all_that_is_measured_is_shown() -> None:
    """Change one number, and the text changes."""
    before = str((facts(made()), tables(made())))
    for name in NUMBERS:
        if name == "answer_spread":  # of a network that predicts a number: next test
            continue
        after = made(**{name: 5.0})
        assert str((facts(after), tables(after))) != before, name


def test_a_network_that_predicts_a_number() -> None:
    sheet = made(classes=0, answer_spread=0.07)
    text = " ".join(facts(sheet))
    assert "predicts a number" in text
    assert "the answers spread 0.07 times as far as the targets" in text
    assert "class" not in text
    assert "R² (the mean: 0)" in tables(sheet)[1].rows


def test_a_run_that_broke_down_says_where() -> None:
    assert "In step 7, the loss or a gradient is not a number." in facts(made(lost_at=7))
    assert "Loss and gradients are numbers in every step." in facts(made())


def test_sparklines() -> None:
    up = np.linspace(0, 7, POINTS, dtype=np.float32)
    assert sparkline(up)[0] == BLOCKS[0]
    assert sparkline(up)[-1] == BLOCKS[-1]
    assert sparkline(up, blocks=PLAIN_BLOCKS)[-1] == PLAIN_BLOCKS[-1]
    assert len(set(sparkline(np.full(POINTS, 0.3, dtype=np.float32)))) == 1
    wiggle = 2.3 + 0.001 * np.sin(np.arange(POINTS, dtype=np.float32))
    assert len(set(sparkline(wiggle))) == 1, "what hardly moves is a straight line"
    lost = np.where(np.arange(POINTS) < 30, up, np.inf).astype(np.float32)
    assert sparkline(lost).endswith(LOST * 10)
    assert sparkline(np.full(POINTS, np.inf, dtype=np.float32)) == LOST * 20
    powers = (10.0 ** -np.arange(POINTS)).astype(np.float64)
    assert len(set(sparkline(powers))) == len(BLOCKS), "by orders of magnitude"


@pytest.mark.parametrize("name", stored().names)
def test_every_stored_run_fits_the_screen(name: str) -> None:
    sheet = stored().sheet(name)
    for table in tables(sheet):
        width = max(len(row) for row in table.rows)
        cells = max(sum(max(len(cell), 10) + 1 for cell in cells) for cells in table.rows.values())
        assert width + cells <= 100
    assert all(fact.endswith(".") for fact in facts(sheet))
