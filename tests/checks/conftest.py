"""What the tests of the checks share: a solution's functions, as a learner would have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import pytest

SOLUTIONS = Path(__file__).parents[2] / "lessons" / "solutions"


@pytest.fixture(scope="session")
def solution_path() -> Callable[[str], Path]:
    """The source of an exercise's solution, by the exercise's name."""

    def find(exercise: str) -> Path:
        (path,) = SOLUTIONS.glob(f"??_{exercise}.py")
        return path

    return find


@pytest.fixture(scope="session")
def solution_text(solution_path: Callable[[str], Path]) -> Callable[[str], str]:
    """The same source as one line, whatever its line breaks."""

    def read(exercise: str) -> str:
        text = solution_path(exercise).read_text(encoding="utf-8")
        return " ".join(text.replace("\n#", " ").split())

    return read


@pytest.fixture(scope="session")
def solutions(solution_path: Callable[[str], Path]) -> Callable[[str], dict[str, Any]]:
    """The names that a solution's cells define; its check cells are not run."""
    done: dict[str, dict[str, Any]] = {}

    def run(exercise: str) -> dict[str, Any]:
        if exercise not in done:
            done[exercise] = _names(solution_path(exercise))
        return done[exercise]

    return run


def _names(path: Path) -> dict[str, Any]:
    """The names that the cells define, those apart that check or explain."""
    names: dict[str, Any] = {}
    for cell in jupytext.read(path, fmt="py:percent").cells:
        left_out = {"check", "solution-only"}.intersection(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and not left_out:
            exec(compile(cell.source, f"<{cell.source.splitlines()[0]}>", "exec"), names)
    return names
