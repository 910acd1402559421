"""What is special to exercise 05; what holds for every exercise stands in test_exercises."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coursekit.checks import CheckFailed
from coursekit.checks import wrong_loss as checks
from coursekit.checks.wrong_loss.diagnose import LIMITS
from coursekit.checks.wrong_loss.runs import CAUSES, HEALTHY, cheapest, read
from coursekit.checks.wrong_loss.two_numbers import TOLERANCE, Known, pairs
from coursekit.checks.wrong_loss.wants import KINDS, LOSSES, Loss


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("wrong_loss")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "C": {"ends_in": "logits", "activation": "sigmoid", "depth": 8},
    "D": {"ends_in": "logits", "activation": "relu", "lr": 5.0},
    "E": {"ends_in": "logits", "lr": 1e-4},
    "F": {},
    "G": {"ends_in": "logits"},
}


def test_the_text_states_the_limits_that_the_checks_use(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("wrong_loss")
    assert f"to at least {HEALTHY}, and the cause must be gone" in text
    assert f"at most {LIMITS['epochs'][1]} epochs and at most {LIMITS['depth'][1]} layers" in text
    assert f"numbers must be right to {TOLERANCE}." in text
    assert "seven pairs" in text
    assert len(pairs()) == 7
    assert "hands it eight losses" in text
    assert len(LOSSES) == 8
    assert all(f'`"{kind}"`' in text for kind in KINDS)


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_scales_and_a_mismatch_are_told_from_a_healthy_run(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS["G"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, read=replace(run.read, rows=wide)))
    assert CAUSES["B"].holds(replace(run, read=replace(run.read, held_out=run.read.held_out * 16)))


def test_log_probabilities_are_what_the_loss_is_made_for(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, ends_in="log-probabilities"))
    assert not CAUSES["F"].holds(run)
    assert cheapest(run) < 0.05


def test_a_rate_that_helps_leaves_the_floor(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, lr=1.0))
    assert run.accuracy > HEALTHY
    assert CAUSES["F"].holds(run)
    assert cheapest(run) >= math.log(math.e + 9) - 1 - 1e-6


def test_a_script_that_returns_something_else() -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("F", {}), lambda seed: seed)


@pytest.mark.parametrize("known", pairs(), ids=lambda known: known.name)
def test_the_two_numbers_by_a_search(known: Known) -> None:
    """No logits of any size cost less than the certain answer; even ones cost what a guess does.

    By hand, squared error of a guess among ten: nine times .1² and once .9², over ten: .09.
    """
    label = torch.zeros(1, dtype=torch.long)
    logits = torch.zeros(1, known.classes)
    assert known.loss_fn(known.ending(logits), label).item() == pytest.approx(known.guess, abs=1e-4)
    source = torch.Generator().manual_seed(0)
    costs = []
    for size in (0.1, 1.0, 10.0, 100.0):
        for _ in range(200):
            tried = size * torch.randn(1, known.classes, generator=source)
            costs.append(known.loss_fn(known.ending(tried), label).item())
    logits[0, 0] = 100.0
    assert min(costs) >= known.certain - 1e-4
    assert known.loss_fn(known.ending(logits), label).item() == pytest.approx(
        known.certain, abs=1e-4
    )


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.kind}, {loss.name}")
def test_a_loss_fed_with_what_it_wants_is_minus_the_logarithm(loss: Loss) -> None:
    """Probabilities .7, .2, .1 and the label 1: minus ln of .2, which is 1.609."""
    shares = torch.tensor([[0.7, 0.2, 0.1]])
    fed: dict[str, Tensor] = {
        "logits": shares.log() + 3,
        "log-probabilities": shares.log(),
        "probabilities": shares,
    }
    cost = loss.function(fed[loss.kind], torch.tensor([1])).item()
    assert cost == pytest.approx(1.609, abs=1e-3)


@pytest.mark.parametrize("came", [None, "logit", 3])
def test_an_answer_that_is_none_of_the_three(came: object) -> None:
    with pytest.raises(CheckFailed, match=r"wants returned .*; expected one of the texts logits, "):
        checks.check_wants(lambda loss_fn, classes: came)


@pytest.mark.parametrize(
    ("came", "text"),
    [
        (None, "squared_error returned None; expected numbers of shape (). Is the return missing?"),
        (torch.zeros(7), "squared_error returned numbers of shape (7,); expected numbers of shape"),
        (float("nan"), "values of 1 that are NaN or infinite"),
    ],
)
def test_a_squared_error_that_is_no_number(came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        checks.check_squared_error(lambda outputs, targets: came)
    assert text in str(failed.value)


def test_an_error_in_two_numbers_is_theirs_and_names_their_line() -> None:
    def mistaken(ending: nn.Module, loss_fn: nn.Module, classes: int) -> object:
        return loss_fn(ending(torch.zeros(classes)), torch.arange(classes))

    with pytest.raises(CheckFailed, match=r"two_numbers raised .*The error is in your code"):
        checks.check_two_numbers(mistaken)
