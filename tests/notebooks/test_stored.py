"""Every notebook of the repository, as it is stored."""

import nbformat
import pytest
from jupytext.compare import compare_notebooks
from nbformat import NotebookNode
from nbtools import rules
from nbtools.build import answers, build, is_current, solution_of
from nbtools.exercise import leaks
from nbtools.lesson_rules import plan, shown_too_early
from nbtools.prose import unproved
from nbtools.source import prepare, read_notebook
from nbtools.targets import ROOT, Target, targets
from nbtools.verdicts import UNCOMPARED

TARGETS = targets()
LESSONS = [target for target in TARGETS if target.kind == "lesson"]
EXERCISES = [target for target in TARGETS if target.kind == "exercise"]


def _labels(chosen: list[Target]) -> list[str]:
    return [target.label for target in chosen]


every = pytest.mark.parametrize("target", TARGETS, ids=_labels(TARGETS))
every_lesson = pytest.mark.parametrize("target", LESSONS, ids=_labels(LESSONS))
every_exercise = pytest.mark.parametrize("target", EXERCISES, ids=_labels(EXERCISES))


def _again(target: Target) -> str:
    return f"Build it: python tools/build_notebooks.py {target.label}"


def _stored(target: Target) -> NotebookNode:
    assert target.path.is_file(), _again(target)
    return read_notebook(target.path)


def test_each_notebook_has_a_source_and_each_source_its_notebooks() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("notebooks", "solutions", "exercises")
        for path in (ROOT / folder).glob("*.ipynb")
    }
    assert found
    wanted = set(_labels(TARGETS))
    assert not wanted - found, "Build them: python tools/build_notebooks.py"
    assert not found - wanted, "Delete them: their sources in lessons/ are gone"


@every
def test_is_up_to_date_with_its_source(target: Target) -> None:
    stored = _stored(target)
    assert is_current(target), f"{target.source.name} has changed. {_again(target)}"
    compare_notebooks(stored, prepare(target)[0], fmt="py:percent")


@every
@pytest.mark.parametrize("rule", rules.ALWAYS, ids=lambda rule: rule.__name__)
def test_keeps_the_rule(target: Target, rule: rules.Rule) -> None:
    assert rule(_stored(target)) == []


@every
def test_is_small_enough_to_be_shown(target: Target) -> None:
    _stored(target)
    assert rules.too_large(target.path.stat().st_size) == []


@every
def test_has_a_plan_that_fits_its_time(target: Target) -> None:
    assert plan(_stored(target), target.kind, target.path.stem) == []


@every_lesson
def test_hides_what_follows_a_prediction(target: Target) -> None:
    assert shown_too_early(_stored(target)) == []


@every_lesson
def test_states_no_number_that_it_does_not_compute(target: Target) -> None:
    assert unproved(_stored(target)) == []


@every_exercise
def test_holds_no_answer(target: Target) -> None:
    solution = solution_of(target)
    assert answers(solution) > 0
    assert leaks(solution, _stored(target)) == []


@every_exercise
def test_raises_where_a_blank_is_declared(target: Target) -> None:
    assert rules.blanks(_stored(target), answers(solution_of(target))) == []


@pytest.mark.slow
@every
def test_builds_to_the_same_bytes_twice(target: Target) -> None:
    """But for what a cell says of this machine at this moment, such as its free memory."""
    first = nbformat.reads(build(target), as_version=4)
    second = nbformat.reads(build(target), as_version=4)
    for cell, again in zip(first.cells, second.cells, strict=True):
        if UNCOMPARED in cell.metadata.get("tags", []):
            cell.outputs = again.outputs
    assert nbformat.writes(second) == nbformat.writes(first)
