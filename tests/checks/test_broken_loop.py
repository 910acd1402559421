"""What is special to exercise 06; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import CheckFailed
from coursekit.checks import broken_loop as checks
from coursekit.checks.broken_loop.diagnose import LIMITS
from coursekit.checks.broken_loop.inherited import BATCH, by_hand, on_digits
from coursekit.checks.broken_loop.runs import CAUSES, HEALTHY, read
from coursekit.checks.networks import backprop
from coursekit.datasets import load_dataset


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("broken_loop")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "B": {"gather": 1, "lr": 3.0},
    "C": {},
    "D": {"gather": 1, "frozen": 1, "hidden": 16},
    "E": {"gather": 1, "shuffle": False},
    "F": {"gather": 1},
}


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("broken_loop")
    assert f"to at least {HEALTHY}," in text
    assert f"The check runs at most {LIMITS['epochs'][1]} epochs." in text


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


@pytest.mark.parametrize("change", [{"lr": 0.03}, {"clip": 1.0}, {"gather": 2}], ids=str)
def test_what_hides_the_cause_lifts_the_accuracy_and_leaves_it(
    change: dict[str, Any], solution: dict[str, Any]
) -> None:
    run = read(solution["experiment"](3, **change))
    assert run.accuracy >= HEALTHY
    assert CAUSES["C"].holds(run)


def test_scales_are_told_from_a_healthy_run(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS["F"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, rows=wide))


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("C", {}), lambda seed: seed)
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        read(solution["experiment"](3, epochs=1) | {"batches": None})


def test_a_run_that_diverges_is_read(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, gather=1, lr=1e30))
    assert CAUSES["B"].holds(run)
    assert run.accuracy < HEALTHY


@pytest.mark.parametrize(
    ("came", "text"),
    [
        (None, "On a whole model, unmoved returned None; expected a dictionary from names"),
        (["first.bias"], "On a whole model, unmoved returned a list; expected a dictionary"),
    ],
)
def test_an_answer_about_what_stands_still_that_is_no_dictionary(came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        checks.check_unmoved(lambda model, optimizer: came)
    assert text in str(failed.value)


@pytest.mark.parametrize(
    ("check", "name"),
    [(checks.check_step_in_parts, "step_in_parts"), (checks.check_unmoved, "unmoved")],
)
def test_an_error_is_theirs_and_names_their_line(check: Any, name: str) -> None:
    def mistaken(*given: Any) -> None:
        given[0].no_such_thing()

    with pytest.raises(CheckFailed, match=rf"{name} raised AttributeError: .*in your code"):
        check(mistaken)


def test_weights_that_become_nan_are_said_to() -> None:
    def ruin(model: nn.Module, *_: Any) -> None:
        for weight in model.parameters():
            weight.data *= torch.nan

    with pytest.raises(CheckFailed, match="size=8, some weights become NaN or infinite"):
        checks.check_step_in_parts(ruin)


def test_a_list_that_forgets_the_frozen_weights_is_told_the_shape() -> None:
    def only_trained(model: nn.Module, *_: Any) -> list[float]:
        return [0.0 for weight in model.parameters() if weight.requires_grad]

    with pytest.raises(CheckFailed, match=r"shape \(2,\); expected numbers of shape \(4,\)"):
        checks.check_inherited(only_trained)


def test_shares_by_hand() -> None:
    """By hand, with MSELoss and the target 0: the slope of the loss in the output is 2 · output.

    Weight 2 and a shift of 0, input 1: output 2, gradient 4 in both. After one backward() .grad is
    4: nothing is inherited. After three it is 12, and 12 - 4 over 12 is 2/3.

    Weight (1.5, 0), input (1, 0): output 1.5, gradient (3, 0). With .grad (0, 4), (-3, 4) is left:
    5 over 4.

    Inputs of zero: no gradient, and none stands there. Nothing is inherited.
    """
    expected = [[0, 0], [2 / 3, 2 / 3], [1.25], [0]]
    assert [known.expected.tolist() for known in by_hand()] == expected
    for known in by_hand():
        loss = known.loss_fn(known.model(known.x), known.y)
        own = torch.autograd.grad(loss, list(known.model.parameters()))
        for weight, gradient, share in zip(
            known.model.parameters(), own, known.expected, strict=True
        ):
            assert weight.grad is not None
            size = weight.grad.norm().clamp(min=1e-12)
            assert float((weight.grad - gradient).norm() / size) == pytest.approx(share)


@pytest.mark.parametrize("batches", [1, 2, 10])
def test_shares_on_digits_by_the_chain_rule(batches: int) -> None:
    """The weights' shares, with gradients that autograd has no part in."""
    known = on_digits(batches)
    assert isinstance(known.model, nn.Sequential)
    data = load_dataset("digits")
    each = [
        backprop(known.model, data.x[rows] / 16, data.y[rows])
        for rows in (slice(BATCH * n, BATCH * (n + 1)) for n in range(batches))
    ]
    for layer in (0, 1):
        total = sum((gradients[layer] for gradients in each), np.zeros(()))
        share = np.linalg.norm(total - each[-1][layer]) / np.linalg.norm(total)
        assert known.expected[2 * layer] == pytest.approx(share, abs=1e-4)


def test_frozen_weights_have_no_gradient_and_inherit_nothing() -> None:
    known = on_digits(10, frozen=True)
    assert [weight.grad is None for weight in known.model.parameters()] == [
        True,
        True,
        False,
        False,
    ]
    assert known.expected[:2].tolist() == [0, 0]
    assert (known.expected[2:] > 0.5).all()
