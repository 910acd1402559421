"""A learner who fell behind runs the set-up cell and goes on at any section."""

import pytest
from nbtools.execute import CellFailedError, execute
from nbtools.lesson_rules import each_alone
from nbtools.source import prepare
from nbtools.targets import Target, targets

LESSONS = [target for target in targets() if target.kind == "lesson"]


@pytest.mark.parametrize("target", LESSONS, ids=[target.path.stem for target in LESSONS])
def test_every_section_runs_after_the_setup_alone(target: Target) -> None:
    notebook = each_alone(prepare(target)[0])
    try:
        execute(notebook)
    except CellFailedError as error:
        before = notebook.cells[: error.index]
        headings = [cell.source for cell in before if cell.cell_type == "markdown"]
        pytest.fail(f"{headings[-1:]}: line {error.line}, {error.reason}")


def test_there_are_lessons() -> None:
    assert len(LESSONS) > 4
