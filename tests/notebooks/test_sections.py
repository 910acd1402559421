"""A learner who fell behind runs the set-up cell and goes on at any section."""

import pytest
from nbtools.alone import borrowed, each_alone
from nbtools.execute import CellFailedError, execute
from nbtools.source import prepare
from nbtools.targets import Target, targets

LESSONS = [target for target in targets() if target.kind == "lesson"]

every_lesson = pytest.mark.parametrize(
    "target", LESSONS, ids=[target.path.stem for target in LESSONS]
)


@every_lesson
def test_no_section_borrows_a_name_of_another(target: Target) -> None:
    assert borrowed(prepare(target)[0]) == []


@pytest.mark.slow  # the rule above finds what is missing; this also what an earlier cell changed
@every_lesson
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
