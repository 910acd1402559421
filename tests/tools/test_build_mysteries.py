"""The tool that makes the quiz's runs keeps no run that is not what it should be."""

import sys
from pathlib import Path

import build_mysteries
import pytest
from build_mysteries import Order

from coursekit.mysteries.pool import Labelled, stored

CASE = "scaler-refitted-per-batch"


def as_stored(order: Order) -> Labelled:
    """A stored run of that kind, another for each seed: nothing trains."""
    names = [r.name for r in stored() if (r.case, r.healthy) == (order.case, order.healthy)]
    sheet = stored().sheet(names[order.seed // 2 % len(names)])
    return Labelled(sheet=sheet, case=order.case, healthy=order.healthy)


def taken_for_the_other(order: Order) -> Labelled:
    """The sheet of a healthy run where a broken one was ordered, and the other way round."""
    other = Order(case=order.case, healthy=not order.healthy, recipe=order.recipe, seed=order.seed)
    return Labelled(sheet=as_stored(other).sheet, case=order.case, healthy=order.healthy)


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["build_mysteries.py", *words])
    return build_mysteries.main()


def test_a_run_that_is_not_what_it_should_be_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pool"
    file.write_bytes(b"old")
    monkeypatch.setattr(build_mysteries, "make", taken_for_the_other)
    assert call(monkeypatch, CASE, "--to", str(file)) == 1
    assert file.read_bytes() == b"old"
    said = capsys.readouterr().err
    assert said.count(f"{CASE}, seed ") == 4
    assert "4 runs are not what they should be, and nothing was written." in said


def test_runs_that_are_what_they_should_be_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_mysteries, "make", as_stored)
    assert call(monkeypatch, CASE, "--to", str(tmp_path / "pool")) == 0
    assert (tmp_path / "pool").stat().st_size > 1000


def test_a_case_that_the_quiz_does_not_draw_from_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        call(monkeypatch, "dead-rel")
    assert "No case of the quiz 'dead-rel'. Did you mean 'dead-relu'?" in capsys.readouterr().err
