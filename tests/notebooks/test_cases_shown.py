"""Each case of the catalogue is shown by its lesson."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest
from nbtools.source import parse, prepare
from nbtools.targets import targets

from coursekit.cases import CASES
from coursekit.cases.case import Case

LESSONS = {target.path.stem: target for target in targets() if target.kind == "lesson"}
_COMMAND = re.compile(r"coursekit cases ([\w-]+)")


@cache
def named_in(lesson: str) -> frozenset[str]:
    """What a lesson names."""
    return frozenset(_named(lesson))


def _named(lesson: str) -> Iterator[str]:
    """Names in the strings of its code, and in the commands of its text."""
    notebook, _ = prepare(LESSONS[lesson])
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from _COMMAND.findall(cell.source)
        elif cell.cell_type == "code":
            for node in ast.walk(parse(cell.source)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_lesson_shows_it(case: Case) -> None:
    if case.lesson not in LESSONS:
        pytest.skip(f"lesson {case.lesson} is not written yet")
    if case.name not in named_in(case.lesson):
        pytest.fail(
            f"Name `coursekit cases {case.name}` in a text cell of lessons/{case.lesson}.py, or "
            "get it by its name in a code cell."
        )
