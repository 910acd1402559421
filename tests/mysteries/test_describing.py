"""What is shown as text is what the pictures show, and all of it."""

import numpy as np
import pytest

from coursekit.errors import UnknownNameError
from coursekit.mysteries.describing import facts, tables
from coursekit.mysteries.pool import stored
from coursekit.mysteries.sheet import CURVES, LAYERED, NUMBERS, POINTS, WHERE, Sheet
from coursekit.mysteries.sparkline import MARKS


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


def test_a_ratio_to_weights_of_zero_says_why_it_is_no_number() -> None:
    sheet = made()
    sheet.curves[[CURVES.index("update_ratio_first"), CURVES.index("dead_fraction")]] = np.nan
    rows = tables(sheet)[0].rows
    assert rows["update ratio, first layer"][1] == "weights are 0"
    assert rows["dead ReLU units, share"][1] == "none here"


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


def test_the_heading_says_how_many_marks_there_are() -> None:
    table, _ = tables(made())
    assert table.title == f"Over the run: {MARKS} marks, from its start to its end"
    assert {len(cells[0]) for cells in table.rows.values()} == {MARKS}


@pytest.mark.parametrize(
    ("count", "layers"),
    [(1, ["only layer"]), (2, ["first layer", "last layer"]), (3, [f"{w} layer" for w in WHERE])],
)
def test_a_layer_has_one_row(count: int, layers: list[str]) -> None:
    table, _ = tables(made(weight_layers=count))
    for words in ("gradient norm", "update ratio"):
        rows = [name for name in table.rows if name.startswith(words)]
        assert rows == [f"{words}, {layer}" for layer in layers]
    (said, *_) = facts(made(weight_layers=count))
    assert said.startswith(f"The network has {count} layer{'' if count == 1 else 's'} with weights")


def test_outputs_are_shown_once_where_one_layer_gave_them() -> None:
    one = made(weight_layers=1)
    assert one.layers("activation_std") == {"first": "only layer"}
    one.curves[CURVES.index("activation_std_last")] *= 2  # as after a softmax
    assert list(one.layers("activation_std")) == ["first", "last"]
    assert list(made(weight_layers=2).layers("activation_std")) == list(WHERE), "a ReLU between"


@pytest.mark.parametrize("name", stored().names)
def test_no_curve_of_a_stored_run_is_lost_with_a_row(name: str) -> None:
    """What is not shown is equal to what is."""
    sheet = stored().sheet(name)
    for quantity in LAYERED:
        shown = [sheet.curve(f"{quantity}_{where}").tobytes() for where in sheet.layers(quantity)]
        for where in WHERE:
            assert sheet.curve(f"{quantity}_{where}").tobytes() in shown


def test_a_measurement_without_layers_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="No measurement of layers 'los'"):
        made().layers("los")


@pytest.mark.parametrize("name", stored().names)
def test_every_stored_run_fits_the_screen(name: str) -> None:
    sheet = stored().sheet(name)
    for table in tables(sheet):
        width = max(len(row) for row in table.rows)
        cells = max(sum(max(len(cell), 10) + 1 for cell in cells) for cells in table.rows.values())
        assert width + cells <= 100
    assert all(fact.endswith(".") for fact in facts(sheet))
