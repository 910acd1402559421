"""Each check of exercise 03 against right and wrong answers, and without each of its clauses."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks import Check, CheckFailed, NotAnswered
from coursekit.checks import learning_rate as checks
from coursekit.checks.learning_rate.diagnose import LIMITS
from coursekit.checks.learning_rate.pick_rate import ARRIVED, STEPS
from coursekit.checks.learning_rate.runs import CAUSES, HEALTHY, read
from tests.checks.answers.kit import Wrong
from tests.checks.answers.learning_rate import descend, diagnose, pick_rate, step_ratio

SOLUTION = Path(__file__).parents[2] / "lessons" / "solutions" / "03_learning_rate.py"

TASKS: dict[str, tuple[Check[Any], ModuleType]] = {
    "descend": (checks.check_descend, descend),
    "step_ratio": (checks.check_step_ratio, step_ratio),
    "diagnose": (checks.check_diagnose, diagnose),
    "pick_rate": (checks.check_pick_rate, pick_rate),
}
RIGHT = [(task, name) for task, (_, answers) in TASKS.items() for name in answers.RIGHT]
WRONG = [(task, wrong) for task, (_, answers) in TASKS.items() for wrong in answers.WRONG]
CLAUSES = [(task, clause.name) for task, (check, _) in TASKS.items() for clause in check.clauses]

every_wrong = pytest.mark.parametrize(
    ("task", "wrong"), WRONG, ids=[f"{task}: {wrong.name}" for task, wrong in WRONG]
)


@pytest.fixture(scope="module")
def solution() -> dict[str, Any]:
    """The names that the solution's cells define; check cells are not run."""
    names: dict[str, Any] = {}
    for cell in jupytext.read(SOLUTION, fmt="py:percent").cells:
        left_out = {"check", "solution-only"}.intersection(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and not left_out:
            exec(compile(cell.source, f"<{cell.source.splitlines()[0]}>", "exec"), names)
    return names


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What a wrong answer did: its evidence is gathered once and judged many times."""

    evidence: Any
    fails: tuple[str, ...]


@pytest.fixture(scope="module")
def tried(solution: dict[str, Any]) -> Callable[[str, Wrong], Tried]:
    """Runs a wrong answer, once."""
    done: dict[tuple[str, str], Tried] = {}

    def look(task: str, wrong: Wrong) -> Tried:
        if (task, wrong.name) not in done:
            check = TASKS[task][0]
            scripts = [wrong.script(solution[name]) for name in check.takes[1:]]
            evidence = check.gather(wrong.answer, *scripts)
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
def test_the_solution_passes_and_the_check_says_the_same_twice(
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
    assert f"to at least {HEALTHY}." in text
    assert f"at most {LIMITS['epochs'][1]} epochs" in text
    assert f"for {STEPS} steps at your rate" in text
    assert f"come down to at most {ARRIVED} of what it was" in text


@pytest.mark.parametrize(("task", "name"), RIGHT)
def test_a_right_answer_passes(task: str, name: str, solution: dict[str, Any]) -> None:
    check, answers = TASKS[task]
    check(answers.RIGHT[name], *(solution[other] for other in check.takes[1:]))


@every_wrong
def test_a_wrong_answer_fails_where_it_should(
    task: str, wrong: Wrong, tried: Callable[[str, Wrong], Tried]
) -> None:
    fails = tried(task, wrong).fails
    assert fails == (wrong.fails,) if wrong.fails else len(fails) > 1


@every_wrong
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
def test_without_a_clause_a_wrong_answer_passes(
    task: str, clause: str, tried: Callable[[str, Wrong], Tried]
) -> None:
    check, answers = TASKS[task]
    weaker = replace(check, clauses=tuple(one for one in check.clauses if one.name != clause))
    passing = []
    for wrong in answers.WRONG:
        with contextlib.suppress(CheckFailed):
            judge(weaker, tried(task, wrong))
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
        ("descend", lambda *_: None, "descend returned None; .* Is the return missing"),
        ("descend", lambda *_: [1.0], r"numbers of shape \(1,\); expected numbers of shape \(7,\)"),
        ("descend", lambda *_: 1 / 0, "descend raised ZeroDivisionError"),
        ("step_ratio", lambda *_: 0.4, r"numbers of shape \(\); expected numbers of shape \(1,\)"),
        ("step_ratio", lambda *_: [float("nan")], "NaN or infinite"),
        ("pick_rate", lambda *_: "fast", "pick_rate returned the text 'fast'"),
        ("pick_rate", lambda *_: -1.0, "returned -1; expected a learning rate above 0"),
        ("pick_rate", lambda *_: float("inf"), "NaN or infinite"),
    ],
)
def test_an_answer_of_the_wrong_kind(task: str, answer: Callable[..., Any], text: str) -> None:
    with pytest.raises(CheckFailed, match=text):
        TASKS[task][0](answer)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("D", "diagnose returned the text 'D'; expected a letter and a dictionary, such as (\"A\""),
        (None, "diagnose returned None; expected a letter"),
        (("G", {}), "expected one of A, B, C, D, E, F."),
        (("D", "momentum"), "diagnose returned the text 'momentum' as the change; expected a"),
        (("D", {"momentum": 0.1}), "Did you mean 'bn_momentum'?"),
        (("D", {"lr": "low"}), "lr got the text 'low'; expected a number."),
        (("D", {"epochs": 5000}), "epochs=5000 was not run: the check runs 1 to 100."),
        (("D", {"bn_momentum": float("nan")}), "bn_momentum got nan; expected a finite number."),
    ],
)
def test_a_diagnosis_that_cannot_be_run(said: object, text: str, solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed) as failed:
        checks.check_diagnose(lambda: said, solution["experiment"])
    assert text in str(failed.value)


@pytest.mark.parametrize("spoil", [lambda _: None, lambda run: run["model"], lambda _: {"lr": 1.0},
                                   lambda run: run | {"model": nn.Sequential()}])  # fmt: skip
def test_a_script_that_returns_something_else(
    spoil: Callable[[dict[str, Any]], Any], solution: dict[str, Any]
) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did: a dictionary"):
        read(spoil(solution["experiment"](0, epochs=1)))


def faulty(fault: str, *, lr: float | None = None, gamma: float | None = None) -> dict[str, Any]:
    """A script of wine with the fault of a letter; F is healthy."""
    rate = {"A": 30.0, "B": 3e-4, "E": 0.003}.get(fault, 0.1) if lr is None else lr
    decay = (1e-3 if fault == "E" else 1.0) if gamma is None else gamma
    x, y = (torch.tensor(part) for part in load_wine(return_X_y=True))
    order = torch.randperm(178, generator=torch.Generator().manual_seed(3))
    rows, held_out = order[:89], order[89:]
    scaled = ((x - x[rows].mean(0)) / x[rows].std(0)).float()
    inputs = x.float() if fault == "C" else scaled
    train = TensorDataset(inputs[rows], y[rows])
    test = TensorDataset((x.float() if fault == "D" else inputs)[held_out], y[held_out])
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    losses = []
    for _ in range(30):
        for batch in torch.randperm(89).split(16):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(train[batch][0]), train[batch][1])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        optimizer.param_groups[0]["lr"] *= decay
    return {"model": model, "train": train, "test": test, "losses": losses, "lr": rate}


def blamed(fault: str) -> list[str]:
    """The letters that hold for a script with a fault."""
    run, letters = read(faulty(fault)), []
    for letter, cause in CAUSES.items():
        others = cause.others(run) if run.accuracy < HEALTHY else ()
        heals = any(read(faulty(fault, **other)).accuracy >= HEALTHY for other in others)
        if cause.holds(run) or heals:
            letters.append(letter)
    return letters


@pytest.mark.parametrize("fault", CAUSES)
def test_each_letter_is_true_of_a_script_with_that_fault_alone(fault: str) -> None:
    assert blamed(fault) == [fault]


def test_reading_a_run_leaves_its_model_as_it_was(solution: dict[str, Any]) -> None:
    run = solution["experiment"](0, epochs=2)
    before = {name: value.clone() for name, value in run["model"].state_dict().items()}
    assert read(run).accuracy == pytest.approx(run["accuracy"])
    after = run["model"].state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not run["model"].training
