"""Each check of exercise 01 against right and wrong answers, and without each of its clauses."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coursekit.checks import Check, CheckFailed, NotAnswered
from coursekit.checks import unscaled_features as checks
from coursekit.checks.unscaled_features.diagnose import LIMITS
from coursekit.checks.unscaled_features.fresh_accuracy import FRESH_ROWS, LEARNT, LUCK, SEEDS
from coursekit.checks.unscaled_features.runs import HEALTHY
from tests.checks.answers import diagnose, fresh_accuracy, gradient_share, prepare
from tests.checks.answers.kit import Wrong

SOLUTION = Path(__file__).parents[2] / "lessons" / "solutions" / "01_unscaled_features.py"

TASKS: dict[str, tuple[Check[Any], ModuleType]] = {
    "prepare": (checks.check_prepare, prepare),
    "gradient_share": (checks.check_gradient_share, gradient_share),
    "diagnose": (checks.check_diagnose, diagnose),
    "fresh_accuracy": (checks.check_fresh_accuracy, fresh_accuracy),
}
RIGHT = [(task, name) for task, (_, answers) in TASKS.items() for name in answers.RIGHT]
WRONG = [(task, wrong) for task, (_, answers) in TASKS.items() for wrong in answers.WRONG]
CLAUSES = [(task, clause.name) for task, (check, _) in TASKS.items() for clause in check.clauses]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a wrong answer did: its evidence is gathered once and judged many times."""

    evidence: Any
    fails: tuple[str, ...]


@pytest.fixture(scope="session")
def tried(solution: dict[str, Any]) -> Callable[[str, Wrong], Tried]:
    """Runs a wrong answer, once in a session."""
    done: dict[tuple[str, str], Tried] = {}

    def look(task: str, wrong: Wrong) -> Tried:
        if (task, wrong.name) not in done:
            check = TASKS[task][0]
            evidence = check.gather(*functions(check, wrong, solution))
            fails = tuple(c.name for c in check.clauses if c.test(evidence) is not None)
            done[task, wrong.name] = Tried(evidence=evidence, fails=fails)
        return done[task, wrong.name]

    return look


def functions(check: Check[Any], wrong: Wrong, solution: dict[str, Any]) -> list[Any]:
    """What the check is called with: the wrong answer, and what the notebook defines."""
    return [wrong.answer, *(wrong.script(solution[name]) for name in check.takes[1:])]


def judge(check: Check[Any], found: Tried) -> None:
    """The check's verdict on what an answer did, without running it again."""
    replace(check, gather=lambda *_: found.evidence)(*(print for _ in check.takes))


@pytest.mark.parametrize("task", TASKS)
def test_there_are_enough_answers(task: str) -> None:
    answers = TASKS[task][1]
    assert len(answers.RIGHT) >= 3
    assert len(answers.WRONG) >= 6


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_passes(
    task: str, solution: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    check = TASKS[task][0]
    check(*(solution[name] for name in check.takes))
    first = capsys.readouterr().out
    check(*(solution[name] for name in check.takes))
    assert first.startswith(f"{check.task} passed. ")
    assert first.count("\n") == 1
    assert capsys.readouterr().out == first, "a check must say the same thing twice"


def test_the_text_states_the_limits_that_the_checks_use() -> None:
    text = " ".join(SOLUTION.read_text(encoding="utf-8").replace("\n#", " ").split())
    assert f"to at least {HEALTHY}," in text
    assert f"at most {LIMITS['epochs'][1]} epochs" in text
    assert f"0.5 (give or take {LUCK})" in text
    assert f"where the first column decides, it must be above {LEARNT}." in text
    assert f"at least {FRESH_ROWS} fresh rows" in text
    assert len(SEEDS) == 6
    assert "mean over six seeds" in text


@pytest.mark.parametrize(("task", "name"), RIGHT)
def test_a_right_answer_passes(task: str, name: str, solution: dict[str, Any]) -> None:
    check, answers = TASKS[task]
    check(answers.RIGHT[name], *(solution[other] for other in check.takes[1:]))


@pytest.mark.parametrize(("task", "wrong"), WRONG, ids=lambda v: getattr(v, "name", v))
def test_a_wrong_answer_fails_where_it_should(
    task: str, wrong: Wrong, tried: Callable[[str, Wrong], Tried]
) -> None:
    fails = tried(task, wrong).fails
    assert fails == (wrong.fails,) if wrong.fails else len(fails) > 1


@pytest.mark.parametrize(("task", "wrong"), WRONG, ids=lambda v: getattr(v, "name", v))
def test_a_wrong_answer_is_told_what_was_seen(
    task: str, wrong: Wrong, tried: Callable[[str, Wrong], Tried]
) -> None:
    check, found = TASKS[task][0], tried(task, wrong)
    with pytest.raises(CheckFailed) as failed:
        judge(check, found)
    hint = next(clause.hint for clause in check.clauses if clause.name == found.fails[0])
    text = str(failed.value)
    assert text.startswith(f"{check.task}: ")
    assert text.endswith(f" Hint: {hint} Next hint: {check.name}.hint(2)")
    assert re.search(wrong.says, text)


@pytest.mark.parametrize(("task", "clause"), CLAUSES)
def test_each_clause_has_a_message_that_is_spelled_out(task: str, clause: str) -> None:
    assert any(wrong.fails == clause and wrong.says for wrong in TASKS[task][1].WRONG)


@pytest.mark.parametrize("task", TASKS)
def test_a_blank_is_reported(task: str, solution: dict[str, Any]) -> None:
    def blank(*_: object) -> None:
        raise NotAnswered

    check = TASKS[task][0]
    text = f"^{check.task} is still blank: write the body of {task}, then run both cells.$"
    with pytest.raises(NotAnswered, match=text):
        check(blank, *(solution[name] for name in check.takes[1:]))


@pytest.mark.parametrize(("task", "clause"), CLAUSES)
def test_without_a_clause_a_wrong_answer_passes(
    task: str, clause: str, tried: Callable[[str, Wrong], Tried]
) -> None:
    check, answers = TASKS[task]
    kept = tuple(one for one in check.clauses if one.name != clause)
    weaker = replace(check, clauses=kept)
    passing = []
    for wrong in answers.WRONG:
        with contextlib.suppress(CheckFailed):
            judge(weaker, tried(task, wrong))
            passing.append(wrong.name)
    assert passing, f"no wrong answer needs the clause {clause!r}"
