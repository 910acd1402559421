"""Each check of exercise 04 against right and wrong answers, and what it is checked against."""

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
from torch import nn

from coursekit.checks import Check, CheckFailed, NotAnswered
from coursekit.checks import vanishing_gradients as checks
from coursekit.checks.vanishing_gradients.deep_network import DEPTH, EPOCHS, LEARNT
from coursekit.checks.vanishing_gradients.diagnose import LIMITS
from coursekit.checks.vanishing_gradients.networks import Measured, by_hand, ten_layers
from coursekit.checks.vanishing_gradients.runs import CAUSES, HEALTHY, read
from tests.checks.answers.kit import Wrong
from tests.checks.answers.vanishing_gradients import deep_network, diagnose, fill, gradient_norms

SOLUTION = Path(__file__).parents[2] / "lessons" / "solutions" / "04_vanishing_gradients.py"

TASKS: dict[str, tuple[Check[Any], ModuleType]] = {
    "fill": (checks.check_fill, fill),
    "gradient_norms": (checks.check_gradient_norms, gradient_norms),
    "diagnose": (checks.check_diagnose, diagnose),
    "deep_network": (checks.check_deep_network, deep_network),
}
RIGHT = [(task, name) for task, (_, answers) in TASKS.items() for name in answers.RIGHT]
WRONG = [(task, wrong) for task, (_, answers) in TASKS.items() for wrong in answers.WRONG]
CLAUSES = [(task, clause.name) for task, (check, _) in TASKS.items() for clause in check.clauses]

# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "C": {"decay": 1.0, "activation": "sigmoid"},
    "D": {"decay": 1.0, "lr": 3.0},
    "E": {},
    "F": {"decay": 1.0},
}


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
    """Runs a wrong answer, once in a module."""
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
    assert first.startswith(f"{check.task} passed. ")
    assert first.count("\n") == 1
    if task != "deep_network":  # it trains thirty layers; once is enough
        check(*(solution[name] for name in check.takes))
        assert capsys.readouterr().out == first


def test_the_text_states_the_limits_that_the_checks_use() -> None:
    text = " ".join(SOLUTION.read_text(encoding="utf-8").replace("\n#", " ").split())
    assert f"to at least {HEALTHY}." in text
    assert f"at most {LIMITS['epochs'][1]} epochs and at most {LIMITS['depth'][1]} layers" in text
    assert f"must be at least {LEARNT} on both" in text
    assert (DEPTH, EPOCHS) == (30, 5)
    assert "it must lie between 1/3 and 3." in text


@pytest.mark.parametrize(("task", "name"), RIGHT)
def test_a_right_answer_passes(task: str, name: str, solution: dict[str, Any]) -> None:
    check, answers = TASKS[task]
    check(answers.RIGHT[name], *(solution[other] for other in check.takes[1:]))


@pytest.mark.parametrize(("task", "wrong"), WRONG, ids=lambda v: getattr(v, "name", v))
def test_a_wrong_answer_fails_and_is_told_what_was_seen(
    task: str, wrong: Wrong, tried: Callable[[str, Wrong], Tried]
) -> None:
    check, found = TASKS[task][0], tried(task, wrong)
    assert found.fails == (wrong.fails,) if wrong.fails else found.fails
    with pytest.raises(CheckFailed) as failed:
        judge(check, found)
    hint = next(clause.hint for clause in check.clauses if clause.name == found.fails[0])
    text = str(failed.value)
    assert text.startswith(f"{check.task}: ")
    assert text.endswith(f" Hint: {hint} Next hint: {check.name}.hint(2)")
    assert re.search(wrong.says, text)


@pytest.mark.parametrize(("task", "clause"), CLAUSES)
def test_each_clause_is_the_first_to_fail_somewhere_and_is_spelled_out(
    task: str, clause: str, tried: Callable[[str, Wrong], Tried]
) -> None:
    wrongs = TASKS[task][1].WRONG
    assert any(wrong.says and tried(task, wrong).fails[0] == clause for wrong in wrongs)


# "filled" and "held" only give better messages: what fails them fails another clause too.
@pytest.mark.parametrize(
    ("task", "clause"),
    [pair for pair in CLAUSES if pair not in {("fill", "filled"), ("deep_network", "held")}],
)
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


@pytest.mark.parametrize("task", TASKS)
def test_a_blank_is_reported(task: str, solution: dict[str, Any]) -> None:
    def blank(*_: object) -> None:
        raise NotAnswered

    check = TASKS[task][0]
    text = f"^{check.task} is still blank: write the body of {task}, then run both cells.$"
    with pytest.raises(NotAnswered, match=text):
        check(blank, *(solution[name] for name in check.takes[1:]))


def test_an_error_in_fill_is_theirs_and_names_their_line() -> None:
    def mistaken(layer: nn.Linear, activation: str) -> None:
        nn.init.normal_(layer.wieght)  # type: ignore[arg-type]

    with pytest.raises(CheckFailed, match=r"fill raised AttributeError: .*wieght.*in your code"):
        checks.check_fill(mistaken)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("E", "diagnose returned the text 'E'; expected a letter and a dictionary, such as"),
        (("G", {}), "expected one of A, B, C, D, E, F."),
        (("E", "decay"), "diagnose returned the text 'decay' as the change; expected a"),
        (("E", {"gamma": 1.0}), "No keyword of experiment 'gamma'."),
        (("E", {"decay": [1.0]}), "decay got a list; expected a number, a text or None."),
        (("E", {"epochs": 500}), "epochs=500 was not run: the check runs 0 to 30."),
        (("E", {"decay": "slow"}), "experiment(seed, decay='slow') raised"),
    ],
)
def test_a_diagnosis_that_cannot_be_run(said: object, text: str, solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed) as failed:
        checks.check_diagnose(lambda: said, solution["experiment"])
    assert text in str(failed.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_scales_and_a_mismatch_are_told_from_a_healthy_run(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS["F"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, rows=wide))
    for other in (run.held_out * 16, run.held_out - 0.5, run.held_out / 16):
        assert CAUSES["B"].holds(replace(run, held_out=other))


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("E", {}), lambda seed: seed)
    short = solution["experiment"](3, epochs=0)
    assert read(short).moves == ()


@pytest.mark.parametrize(
    ("came", "text"),
    [
        (None, "deep_network returned None; expected a model and an optimizer."),
        ((nn.Linear(64, 10), None), "deep_network returned a Linear and None; expected a model"),
        (
            (nn.Linear(8, 10), torch.optim.SGD(nn.Linear(1, 1).parameters())),
            "The model cannot take rows of shape (32, 64)",
        ),
        (
            (nn.Linear(64, 3), torch.optim.SGD(nn.Linear(1, 1).parameters())),
            "The model gave an array of shape (32, 3); expected shape (32, 10).",
        ),
    ],
)
def test_a_deep_network_that_cannot_be_trained(came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        checks.check_deep_network(lambda seed: came)
    assert text in str(failed.value)


def test_norms_by_hand() -> None:
    """By hand, with MSELoss and the target 0: the slope of the loss in the output is 2 · output.

    Chain 2, 3, input 1: output 6, slope 12. Last weight: 12 · 2 = 24. First: 12 · 3 · 1 = 36.

    Weights (1, 0), input (3, 4): output 3, slope 6. Gradient (18, 24), norm 30.

    First weight 0, sigmoid 1/2 with slope 1/4, last weight 2: output 1, slope 2. Last weight:
    2 · 1/2 = 1. First: 2 · 2 · 1/4 · 1 = 1.

    First 2, branch h + h/2, last 3, input 1: h = 2, then 3, output 9, slope 18. Last weight:
    18 · 3 = 54. Branch: 18 · 3 · 2 = 108. First: 18 · 3 · 1.5 · 1 = 81.
    """
    expected = [[36, 24], [30], [1, 1], [81, 108, 54]]
    assert [known.expected.tolist() for known in by_hand()] == expected


@pytest.mark.parametrize(
    "known", [*by_hand(), ten_layers("sigmoid"), ten_layers("tanh")], ids=lambda known: known.name
)
def test_norms_against_finite_differences(known: Measured) -> None:
    """Nudge each layer's weight along its gradient, in float64: the loss must rise by the norm.

    Along any other direction it would rise by less.
    """
    model, x = known.model.double(), known.x.double()
    y = known.y if known.y.dtype == torch.long else known.y.double()
    linears = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    weights = [layer.weight for layer in linears]
    gradients = torch.autograd.grad(known.loss_fn(model(x), y), weights)
    for weight, gradient, norm in zip(weights, gradients, known.expected, strict=True):
        direction = gradient / gradient.norm()
        step, losses = 1e-3, []
        with torch.no_grad():
            for shift in (step, -2 * step, step):  # up, down, back
                weight += shift * direction
                losses.append(known.loss_fn(model(x), y).item())
        slope = (losses[0] - losses[1]) / (2 * step)
        assert slope == pytest.approx(norm, rel=1e-3, abs=1e-9)


def test_the_lessons_networks_differ_as_the_lesson_says() -> None:
    sigmoid, tanh = ten_layers("sigmoid").expected, ten_layers("tanh").expected
    assert sigmoid[0] / sigmoid[-1] < 1e-5
    assert 0.1 < tanh[0] / tanh[-1] < 10
    assert np.all(np.diff(sigmoid) > 0)
