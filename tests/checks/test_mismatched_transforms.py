"""Each check of exercise 02 against right and wrong answers, and without each of its clauses."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import Check, CheckFailed, NotAnswered
from coursekit.checks import mismatched_transforms as checks
from coursekit.checks.mismatched_transforms.alarm import FALSE_ALARMS, FOUND, ROWS
from coursekit.checks.mismatched_transforms.diagnose import CAUSES
from coursekit.checks.mismatched_transforms.stacks import by_hand, photographs
from coursekit.checks.unscaled_features.diagnose import LIMITS
from coursekit.checks.unscaled_features.runs import HEALTHY, read
from tests.checks.answers.kit import Wrong
from tests.checks.answers.mismatched_transforms import alarm, diagnose, mismatch, pack

SOLUTION = Path(__file__).parents[2] / "lessons" / "solutions" / "02_mismatched_transforms.py"

TASKS: dict[str, tuple[Check[Any], ModuleType]] = {
    "pack": (checks.check_pack, pack),
    "mismatch": (checks.check_mismatch, mismatch),
    "diagnose": (checks.check_diagnose, diagnose),
    "alarm": (checks.check_alarm, alarm),
}
RIGHT = [(task, name) for task, (_, answers) in TASKS.items() for name in answers.RIGHT]
WRONG = [(task, wrong) for task, (_, answers) in TASKS.items() for wrong in answers.WRONG]
CLAUSES = [(task, clause.name) for task, (check, _) in TASKS.items() for clause in check.clauses]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a wrong answer did: its evidence is gathered once and judged many times."""

    evidence: Any
    fails: tuple[str, ...]


@pytest.fixture(scope="module")
def solution() -> dict[str, Any]:
    """The names that the solution's cells define; check cells are not run."""
    names: dict[str, Any] = {}
    for cell in jupytext.read(SOLUTION, fmt="py:percent").cells:
        left_out = {"check", "solution-only"}.intersection(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and not left_out:
            exec(compile(cell.source, f"<{cell.source.splitlines()[0]}>", "exec"), names)
    return names


@pytest.fixture(scope="module")
def tried(solution: dict[str, Any]) -> Callable[[str, Wrong], Tried]:
    """Runs a wrong answer, once."""
    done: dict[tuple[str, str], Tried] = {}

    def look(task: str, wrong: Wrong) -> Tried:
        if (task, wrong.name) not in done:
            check = TASKS[task][0]
            others = [wrong.script(solution[name]) for name in check.takes[1:]]
            evidence = check.gather(wrong.answer, *others)
            fails = tuple(c.name for c in check.clauses if c.test(evidence) is not None)
            done[task, wrong.name] = Tried(evidence=evidence, fails=fails)
        return done[task, wrong.name]

    return look


def judge(check: Check[Any], found: Tried) -> None:
    """The check's verdict on what an answer did, without running it again."""
    replace(check, gather=lambda *_: found.evidence)(*(print for _ in check.takes))


@pytest.mark.parametrize("task", TASKS)
def test_there_are_enough_answers(task: str) -> None:
    answers = TASKS[task][1]
    assert len(answers.RIGHT) >= 3
    assert len(answers.WRONG) >= 6


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_passes_and_says_the_same_twice(
    task: str, solution: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    check = TASKS[task][0]
    check(*(solution[name] for name in check.takes))
    first = capsys.readouterr().out
    check(*(solution[name] for name in check.takes))
    assert first.startswith(f"{check.task} passed. ")
    assert first.count("\n") == 1
    assert capsys.readouterr().out == first


def test_the_text_states_the_limits_that_the_checks_use() -> None:
    text = " ".join(SOLUTION.read_text(encoding="utf-8").replace("\n#", " ").split())
    assert f"in use to at least {HEALTHY}," in text
    assert f"at most {LIMITS['epochs'][1]} epochs" in text
    assert f"At least {100 * FOUND:.0f} % of the requests with each fault" in text
    assert f"at most {100 * FALSE_ALARMS:.0f} % of the honest ones" in text
    assert f"shape ({ROWS}, features)" in text


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


@pytest.mark.parametrize(("task", "clause"), CLAUSES)
def test_without_a_clause_a_wrong_answer_passes(
    task: str, clause: str, tried: Callable[[str, Wrong], Tried]
) -> None:
    check, answers = TASKS[task]
    kept = tuple(one for one in check.clauses if one.name != clause)
    passing = []
    for wrong in answers.WRONG:
        with contextlib.suppress(CheckFailed):
            judge(replace(check, clauses=kept), tried(task, wrong))
            passing.append(wrong.name)
    assert passing, f"no wrong answer needs the clause {clause!r}"


@pytest.mark.parametrize("task", TASKS)
def test_a_blank_is_reported(task: str, solution: dict[str, Any]) -> None:
    def blank(*_: object) -> None:
        raise NotAnswered

    check = TASKS[task][0]
    text = f"^{check.task} is still blank: write the body of {task}, then run both cells.$"
    with pytest.raises(NotAnswered, match=text):
        check(blank, *(solution[name] for name in check.takes[1:]))


@pytest.mark.parametrize(
    ("task", "answer", "text"),
    [
        ("pack", lambda *_: None, r"pack returned None; expected an nn\.Module\. Is the return mi"),
        ("pack", lambda network, *_: network.forward, r"returned a method; expected an nn\.Module"),
        ("pack", lambda network, *_: nn.Sequential(network, nn.Flatten(0)), r"shape \(80,\)"),
        ("pack", lambda *_: nn.Linear(3, 2), r"The model that pack returned raised RuntimeError"),
        ("mismatch", lambda *_: None, r"mismatch returned None; expected two things, shift and"),
        (
            "mismatch",
            lambda a, b: b.mean() - a.mean(),
            r"returned an array of shape \(\); expected",
        ),
        ("mismatch", lambda a, b: (1.0, 1.0), r"numbers of shape \(\); expected numbers of shape"),
        ("alarm", lambda *_: None, r"alarm returned None; expected True or False\. Is the return"),
        ("alarm", lambda *_: 0.7, r"alarm returned a float; expected True or False\."),
        ("alarm", lambda a, b: b.mean(axis=0) > 3, r"returned an array of shape \(13,\)"),
    ],
)
def test_an_answer_of_another_kind_is_named(task: str, answer: object, text: str) -> None:
    with pytest.raises(CheckFailed, match=text):
        TASKS[task][0](answer)


def test_the_stacks_by_hand() -> None:
    """By hand.

    Two channels. In training the first is 1 in one picture and 3 in the other: mean 2, spread 1. In
    use it is 3 in the upper half and 7 in the lower: mean 5, spread 2. Shift (5 - 2) / 1 = 3, ratio
    2. The second is 0 and 4 in training, 1 and 3 in use: both means are 2, the spreads 2 and 1.

    One channel, -1 and 3 against -3 and 1: both spreads are 2, the means 1 and -1: shift -1.
    """
    two, one, same = by_hand()
    for pair, mean, spread in [(two, [5, 2], [2, 1]), (one, [-1], [2])]:
        pixels = pair.in_use.transpose(0, 1).flatten(1)
        assert pixels.mean(dim=1).tolist() == mean
        assert pixels.std(dim=1, correction=0).tolist() == spread
    assert (two.shift.tolist(), two.ratio.tolist()) == ([3, 0], [2, 0.5])
    assert (one.shift.tolist(), one.ratio.tolist()) == ([-1], [1])
    assert torch.equal(same.trained_on, same.in_use)


def test_the_photographs_answers_are_those_of_their_tensors() -> None:
    for pair in photographs():
        before, after = (x.double().numpy() for x in (pair.trained_on, pair.in_use))
        mean = [x.mean(axis=(0, 2, 3)) for x in (before, after)]
        spread = [x.std(axis=(0, 2, 3)) for x in (before, after)]
        np.testing.assert_allclose(pair.shift, (mean[1] - mean[0]) / spread[0], atol=1e-5)
        np.testing.assert_allclose(pair.ratio, spread[1] / spread[0], atol=1e-5)


def test_exactly_one_letter_holds_for_the_exercise(solution: dict[str, Any]) -> None:
    for seed in (0, 1, 2):
        start = partial(solution["experiment"], seed, epochs=0)
        run = read(solution["experiment"](seed), start)
        assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == ["D"]
