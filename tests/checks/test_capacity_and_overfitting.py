"""What is special to exercise 10; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from coursekit.checks import CheckFailed
from coursekit.checks import capacity_and_overfitting as checks
from coursekit.checks.capacity_and_overfitting.by_lot import BESIDE, TOGETHER
from coursekit.checks.capacity_and_overfitting.diagnose import LIMITS
from coursekit.checks.capacity_and_overfitting.rows import tables
from coursekit.checks.capacity_and_overfitting.runs import CAUSES, HEALTHY, read
from coursekit.checks.capacity_and_overfitting.stop_early import SCRIPTS


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("capacity_and_overfitting")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "B": {"penalty": 0.0, "lr": 5.0},
    "C": {},
    "D": {"penalty": 0.0, "dropout": 0.95, "lr": 0.05},
    "G": {"penalty": 0.0},
}


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("capacity_and_overfitting")
    assert f"to at least {HEALTHY}." in text
    assert f"The check runs at most {LIMITS['epochs'][1]} epochs." in text


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_scales_and_learning_by_heart_are_told_from_a_healthy_run(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS["G"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, rows=wide))
    assert CAUSES["E"].holds(replace(run, in_training=1.0, accuracy=0.8))


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("C", {}), lambda seed: seed)
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        read(solution["experiment"](3, epochs=1) | {"weights": None})


def test_a_run_that_diverges_is_read(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, penalty=0.0, lr=1e30, epochs=1))
    assert CAUSES["B"].holds(run)
    assert run.accuracy < HEALTHY


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_of_early_stopping_by_hand(script: Any) -> None:
    """The first epoch whose loss no later epoch within the patience goes below is the best."""
    best = 0
    for epoch, loss in enumerate(script.losses[: script.epochs]):
        if loss < script.losses[best]:
            best = epoch
        elif epoch - best == script.patience:
            break
    assert (script.best, script.trained) == (best + 1, epoch + 1)


def test_a_loop_that_does_not_end_is_ended() -> None:
    def for_ever(model: Any, train_epoch: Any, validate: Any, patience: int, epochs: int) -> None:
        while True:
            train_epoch()

    with pytest.raises(CheckFailed, match="train_epoch was called 50 times with epochs=8"):
        checks.check_stop_early(for_ever)


def test_a_forgotten_return_is_told() -> None:
    with pytest.raises(CheckFailed, match=r"returned None; .* Is the return missing\?"):
        checks.check_stop_early(lambda *_: None)


def test_a_wrong_shape_of_dropout_is_told() -> None:
    with pytest.raises(CheckFailed, match="silence returned None; expected numbers of shape"):
        checks.check_silence(lambda *_: None)
    with pytest.raises(CheckFailed, match="not what they were"):
        checks.check_silence(lambda h, p, training: torch.nn.functional.dropout(h, p, True))


@pytest.mark.parametrize("name", ["check_stop_early", "check_by_lot", "check_silence"])
def test_an_error_is_theirs_and_names_their_line(name: str) -> None:
    def mistaken(*given: Any) -> None:
        given[0].no_such_thing()

    with pytest.raises(CheckFailed, match=r"raised AttributeError: .*in your code"):
        getattr(checks, name)(mistaken)


def test_the_tables_come_sorted_so_that_a_turn_is_no_lot() -> None:
    for rows in tables():
        assert torch.equal(rows.y, rows.y.sort().values)
        dealt = rows.y[torch.randperm(len(rows.y), generator=torch.Generator().manual_seed(0))]
        assert abs(np.corrcoef(rows.y, dealt)[0, 1]) < TOGETHER
        assert abs(np.corrcoef(dealt, dealt.roll(1))[0, 1]) < BESIDE
        for turned in (rows.y.flip(0), rows.y.roll(len(rows.y) // 2)):
            assert abs(np.corrcoef(rows.y, turned)[0, 1]) > TOGETHER
        moved = rows.y.roll(len(rows.y) // 4)
        assert abs(np.corrcoef(moved, moved.roll(1))[0, 1]) > BESIDE
