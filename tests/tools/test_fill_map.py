"""The tool that writes the map says what to do next, and where a case is missing."""

import sys
from collections.abc import Callable
from pathlib import Path

import fill_map
import pytest

from coursekit.errors import unknown

Call = Callable[[], int]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lesson 00 of its own, in place of the course's."""
    path = tmp_path / "lessons" / "00_start_here.py"
    path.parent.mkdir()
    path.write_text('# %% [markdown] tags=["symptoms"]\n# old\n', encoding="utf-8")
    monkeypatch.setattr(fill_map, "START", path)
    monkeypatch.setattr(fill_map, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["fill_map.py"])
    return path


def test_it_ends_with_the_command_that_comes_next(
    start: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fill_map.main() == 0
    assert "<details>" in start.read_text(encoding="utf-8")
    assert capsys.readouterr().out.rstrip().endswith("Now: python tools/build_notebooks.py 00")


def test_a_case_that_stands_nowhere_on_the_map_is_named(
    start: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fill_map, "places", lambda name: [] if name == "one-nan" else [name])
    assert fill_map.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("Case 'one-nan' stands nowhere on the map.")
    assert "coursekit/symptoms/table.py" in said
    assert "# old" in start.read_text(encoding="utf-8")


def test_a_case_of_the_map_that_is_not_in_the_catalogue_is_a_sentence(
    start: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> str:
        raise unknown("case", "one-nam", ["one-nan"])

    monkeypatch.setattr(fill_map, "filled", refuse)
    assert fill_map.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("No case 'one-nam'. Did you mean 'one-nan'?")
    assert "coursekit/cases/__init__.py" in said
    assert "# old" in start.read_text(encoding="utf-8")
