"""Which readings tell broken from fixed: on records made by hand, and on a case whose are known."""

import json

import numpy as np
import pytest

from coursekit.cases import get_case
from coursekit.cases.sign import Sign
from coursekit.cli import main
from coursekit.evidence.signs import Telling, telling
from coursekit.records import Record, Series


def run(loss: list[float], norms: list[list[float]]) -> Record:
    """A record of a loss and of the gradient norm of two layers, and of how long it took."""
    steps = np.arange(len(loss))
    series = {
        "loss": Series(steps=steps, values=np.array(loss), unit="nat"),
        "gradient_norm": Series(steps=steps, values=np.array(norms), unit="", labels=("0", "2")),
        "data_time_s": Series(steps=steps, values=np.array(loss), unit="s"),
    }
    return Record(series=series, layers=("0", "2"), framework="torch")


def found(broken: list[Record], fixed: list[Record]) -> dict[tuple[str, str, str], float]:
    """Quantity, reading and layer to the gap."""
    signs = telling({"broken": broken, "fixed": fixed})
    return {(one.sign.quantity, one.sign.read, one.sign.layer): one.gap for one in signs}


def test_what_separates_is_found_with_its_gap_and_times_are_not() -> None:
    """Last losses 2 and 4 against 0 and 1: the gap is 1 of 4. The first losses lie in between."""
    flat = [[1.0, 1.0], [1.0, 1.0]]
    broken = [run([5.0, 2.0], flat), run([7.0, 4.0], flat)]
    fixed = [run([6.0, 0.0], flat), run([6.5, 1.0], flat)]
    assert found(broken, fixed) == {("loss", "last", ""): 0.25, ("loss", "lowest", ""): 0.25}


def test_layers_are_looked_at_where_all_of_them_together_say_nothing() -> None:
    """Layer 2 alone differs, and layer 0 hides it in each way to read both."""
    broken = [run([1.0], [[9.0, 3.0]]), run([1.0], [[0.0, 3.0]])]
    fixed = [run([1.0], [[9.0, 2.0]]), run([1.0], [[0.0, 2.0]])]
    gaps = found(broken, fixed)
    assert {layer for _, _, layer in gaps} == {"2"}
    assert set(gaps.values()) == {1.0}


def test_a_loss_that_is_not_finite_lies_apart() -> None:
    flat = [[1.0, 1.0]]
    gaps = found([run([np.nan], flat)], [run([2.0], flat)])
    assert gaps[("loss", "last", "")] == 1.0


def test_sides_that_touch_do_not_separate() -> None:
    seen = Telling(sign=Sign(quantity="loss"), broken=(1.0, 2.0), fixed=(2.0, 3.0))
    assert (seen.separates, seen.gap) == (False, 0.0)


def test_the_command_prints_what_tells_and_marks_what_the_case_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = ["verify", "--case", "global-imputation", "--signs", "--seeds", "2"]
    assert main(order) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("readings lie apart on 2 seeds")
    shown = {sign.quantity for sign in get_case("global-imputation").shows}
    assert {line.split()[0] for line in lines if line.endswith("in shows")} == shown
    assert main([*order, "--json"]) == 0
    (rows,) = json.loads(capsys.readouterr().out).values()
    assert {"quantity", "read", "layer", "broken", "fixed", "gap"} == rows[0].keys()


def test_a_sign_the_wrong_way_fails_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learning rate of both recipes is the same, so it tells nothing."""
    from dataclasses import replace

    case = replace(get_case("global-imputation"), shows=(Sign(quantity="learning_rate"),))
    monkeypatch.setattr("coursekit.cli.signs.get_case", lambda _: case)
    assert main(["verify", "--case", "global-imputation", "--signs", "--seeds", "1"]) == 1
    assert "FAILED: Sign(quantity='learning_rate'" in capsys.readouterr().out


def test_a_case_that_raises_has_no_reading(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--case", "label-dtype", "--signs"]) == 0
    assert "ends in an error" in capsys.readouterr().out


def test_signs_are_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--signs", "--save", "x"]) == 2
    assert "Leave --save, --dask and --framework out." in capsys.readouterr().err
