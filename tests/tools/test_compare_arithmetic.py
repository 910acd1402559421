"""The tool that compares processors says what it does, and has a help."""

import sys
from collections.abc import Sequence

import compare_arithmetic
import pytest


def call(monkeypatch: pytest.MonkeyPatch, words: Sequence[str], lines: Sequence[str] = ()) -> int:
    """The command, with a comparison that finds these lines at once."""
    monkeypatch.setattr(compare_arithmetic, "differing_with", lambda *_: list(lines))
    monkeypatch.setattr(sys, "argv", ["compare_arithmetic.py", *words])
    return compare_arithmetic.main()


def test_help_is_a_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        call(monkeypatch, ["--help"])
    assert capsys.readouterr().out.startswith("usage:")


def test_each_run_is_announced_before_it_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, ["01"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "[1/2] notebooks/01_unscaled_features.ipynb, its own: running"
    assert second.startswith("    0 lines differ (")


def test_a_line_that_differs_is_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, ["01"], ["Cell 3 said so."]) == 1
    assert "    Cell 3 said so.\n" in capsys.readouterr().out


def test_an_unknown_lesson_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        call(monkeypatch, ["99"])
    assert "No notebook '99'." in capsys.readouterr().err
