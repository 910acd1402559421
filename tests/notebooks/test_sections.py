"""A learner who fell behind runs the set-up cell and goes on at any section."""

import pytest
from nbtools.execute import execute
from nbtools.lesson_rules import Section, alone, sections
from nbtools.source import prepare
from nbtools.targets import Target, targets

PARTS = [
    (target, section)
    for target in targets()
    if target.kind == "lesson"
    for section in sections(prepare(target)[0])
    if any(cell.cell_type == "code" for cell in section.cells)
]


@pytest.mark.parametrize(
    ("target", "section"), PARTS, ids=[f"{t.path.stem}: {s.title}" for t, s in PARTS]
)
def test_runs_after_the_setup_alone(target: Target, section: Section) -> None:
    execute(alone(prepare(target)[0], section))


def test_there_are_sections_to_run() -> None:
    assert PARTS
