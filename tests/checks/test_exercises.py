"""The contract of every exercise: each check against right and wrong answers, clause by clause.

The answers stand as data in ``answers/<exercise>/<task>.py``: ``RIGHT``, ``WRONG`` and, for a
diagnosis, ``UNREADABLE``.
"""

import contextlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import coursekit.checks
from coursekit.checks import Check, CheckFailed, NotAnswered
from tests.checks.answers.kit import Wrong

Solutions = Callable[[str], dict[str, Any]]

# These clauses only give better messages: what fails them fails another clause too.
EXPLAINING = {
    ("vanishing_gradients", "fill", "filled"),
    ("vanishing_gradients", "deep_network", "held"),
    ("accuracy_that_lies", "diagnose", "heals"),
    ("normalisation_layers", "group_norm", "partners"),
    ("the_procedure", "parts", "one batch"),
}
LONG = ("vanishing_gradients", "deep_network")  # it trains thirty layers; once is enough


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """One task of an exercise: its check, and the answers that the check is tried on."""

    exercise: str
    name: str
    check: Check[Any]
    answers: ModuleType

    @property
    def id(self) -> str:
        return f"{self.exercise}-{self.name}"

    def others(self, names: dict[str, Any]) -> list[Any]:
        """What the check is called with besides the answer, out of what the notebook defines."""
        return [names[name] for name in self.check.takes[1:]]


def tasks_of(exercise: str) -> list[Task]:
    """The tasks of an exercise, the optional one last."""
    package = import_module(f"coursekit.checks.{exercise}")
    checks = [value for value in vars(package).values() if isinstance(value, Check)]
    return [
        Task(
            exercise=exercise,
            name=check.takes[0],
            check=check,
            answers=import_module(f"tests.checks.answers.{exercise}.{check.takes[0]}"),
        )
        for check in sorted(checks, key=lambda check: check.task)
    ]


EXERCISES = [found.name for found in pkgutil.iter_modules(coursekit.checks.__path__) if found.ispkg]
TASKS = [task for exercise in EXERCISES for task in tasks_of(exercise)]

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
every_right = pytest.mark.parametrize(
    ("task", "name"),
    [
        pytest.param(task, name, id=f"{task.id}-{name}")
        for task in TASKS
        for name in task.answers.RIGHT
    ],
)
every_wrong = pytest.mark.parametrize(
    ("task", "wrong"),
    [
        pytest.param(task, wrong, id=f"{task.id}-{wrong.name}")
        for task in TASKS
        for wrong in task.answers.WRONG
    ],
)
every_clause = pytest.mark.parametrize(
    ("task", "clause"),
    [
        pytest.param(task, clause.name, id=f"{task.id}-{clause.name}")
        for task in TASKS
        for clause in task.check.clauses
    ],
)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a wrong answer did: its evidence is gathered once and judged many times."""

    evidence: Any
    fails: tuple[str, ...]


Try = Callable[[Task, Wrong], Tried]


@pytest.fixture(scope="session")
def tried(solutions: Solutions) -> Try:
    """Runs a wrong answer, once in a session."""

    @cache
    def look(task: Task, wrong: Wrong) -> Tried:
        scripts = [wrong.script(script) for script in task.others(solutions(task.exercise))]
        evidence = task.check.gather(wrong.answer, *scripts)
        fails = tuple(c.name for c in task.check.clauses if c.test(evidence) is not None)
        return Tried(evidence=evidence, fails=fails)

    return look


def judge(check: Check[Any], found: Tried) -> None:
    """The check's verdict on what an answer did, without running it again."""
    replace(check, gather=lambda *_: found.evidence)(*(print for _ in check.takes))


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_exercise_exports_the_checks_of_its_four_tasks(exercise: str) -> None:
    package = import_module(f"coursekit.checks.{exercise}")
    tasks = tasks_of(exercise)
    titles = ["Task 1", "Task 2", "Task 3", "The optional task"]
    assert [task.check.task for task in tasks] == titles
    assert sorted(package.__all__) == sorted(task.check.name for task in tasks)


@every_task
def test_there_are_enough_answers(task: Task) -> None:
    assert len(task.answers.RIGHT) >= 3
    assert len(task.answers.WRONG) >= 6
    names = [wrong.name for wrong in task.answers.WRONG]
    assert len(set(names)) == len(names)


@every_task
def test_there_are_three_hints(task: Task, capsys: pytest.CaptureFixture[str]) -> None:
    for step in (1, 2, 3):
        task.check.hint(step)
        assert capsys.readouterr().out.split() == task.check.hints[step - 1].split()


@every_task
def test_the_solution_passes_and_the_check_says_the_same_twice(
    task: Task, solutions: Solutions, capsys: pytest.CaptureFixture[str]
) -> None:
    names = solutions(task.exercise)
    task.check(names[task.name], *task.others(names))
    first = capsys.readouterr().out
    assert first.startswith(f"{task.check.task} passed. ")
    assert max(map(len, first.splitlines())) <= 92  # as wide as JupyterLab shows
    if (task.exercise, task.name) != LONG:
        task.check(names[task.name], *task.others(names))
        assert capsys.readouterr().out == first, "a check must say the same thing twice"


@every_right
def test_a_right_answer_passes(task: Task, name: str, solutions: Solutions) -> None:
    task.check(task.answers.RIGHT[name], *task.others(solutions(task.exercise)))


@every_wrong
def test_a_wrong_answer_fails_where_it_should(task: Task, wrong: Wrong, tried: Try) -> None:
    fails = tried(task, wrong).fails
    assert fails == (wrong.fails,) if wrong.fails else len(fails) > 1


@every_wrong
def test_a_wrong_answer_is_told_what_was_seen(task: Task, wrong: Wrong, tried: Try) -> None:
    check, found = task.check, tried(task, wrong)
    with pytest.raises(CheckFailed) as failed:
        judge(check, found)
    hint = next(clause.hint for clause in check.clauses if clause.name == found.fails[0])
    text = str(failed.value)
    assert text.startswith(f"{check.task}: ")
    assert text.endswith(f"\nHint: {hint}\nMore hints: {check.name}.hint(1), then 2 and 3")
    assert re.search(wrong.says, " ".join(text.split()))


@every_clause
def test_each_clause_has_a_message_that_is_spelled_out(task: Task, clause: str, tried: Try) -> None:
    spelled_out = [wrong for wrong in task.answers.WRONG if wrong.says]
    assert any(tried(task, wrong).fails[0] == clause for wrong in spelled_out)


@every_clause
def test_without_a_clause_a_wrong_answer_passes(task: Task, clause: str, tried: Try) -> None:
    kept = tuple(one for one in task.check.clauses if one.name != clause)
    passing = []
    for wrong in task.answers.WRONG:
        with contextlib.suppress(CheckFailed):
            judge(replace(task.check, clauses=kept), tried(task, wrong))
            passing.append(wrong.name)
    explaining = (task.exercise, task.name, clause) in EXPLAINING
    assert bool(passing) != explaining, f"no wrong answer needs the clause {clause!r}"


@every_task
def test_a_blank_is_reported(task: Task, solutions: Solutions) -> None:
    def blank(*_: object) -> None:
        raise NotAnswered

    text = (
        f"^{task.check.task} is still blank: write the body of {task.name}, then run both cells.$"
    )
    with pytest.raises(NotAnswered, match=text):
        task.check(blank, *task.others(solutions(task.exercise)))


@pytest.mark.parametrize(
    "task", [task for task in TASKS if task.name == "diagnose"], ids=lambda task: task.id
)
def test_a_number_of_numpys_is_read_as_a_number(task: Task, solutions: Solutions) -> None:
    """A change is often looked up in a table; this one is a number, but none that is run."""
    names = solutions(task.exercise)
    letter, change = names["diagnose"]()
    keyword = next(iter(change or {"lr": 0}))
    with pytest.raises(CheckFailed, match=rf"{keyword} got nan; expected a finite number"):
        task.check(lambda: (letter, {keyword: np.float32("nan")}), *task.others(names))


@pytest.mark.parametrize(
    ("task", "said", "text"),
    [
        pytest.param(task, said, text, id=f"{task.id}-{said}")
        for task in TASKS
        if task.name == "diagnose"
        for said, text in task.answers.UNREADABLE
    ],
)
def test_a_diagnosis_that_cannot_be_run(
    task: Task, said: object, text: str, solutions: Solutions
) -> None:
    with pytest.raises(CheckFailed) as failed:
        task.check(lambda: said, *task.others(solutions(task.exercise)))
    assert text in str(failed.value)
