"""What is special to exercise 13; what holds for every exercise stands in test_exercises."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import CheckFailed
from coursekit.checks import optimizers_and_schedules as checks
from coursekit.checks.optimizers_and_schedules.diagnose import LIMITS
from coursekit.checks.optimizers_and_schedules.planned_rates import gather
from coursekit.checks.optimizers_and_schedules.pulls import (
    by_hand,
    digits,
    nested,
    wine_network,
)
from coursekit.checks.optimizers_and_schedules.runs import CAUSES, HEALTHY, RATES, WIDER, read
from coursekit.checks.optimizers_and_schedules.steps import with_two_rates
from coursekit.checks.optimizers_and_schedules.ways import SLIPS


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("optimizers_and_schedules")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "B": {"method": "AdamW", "weight_size": 12.0, "epochs": 1},
    "E": {},
    "G": {"method": "AdamW"},
}


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("optimizers_and_schedules")
    assert f"to at least {HEALTHY}." in text
    epochs, hidden = LIMITS["epochs"][1], LIMITS["hidden"][1]
    assert f"at most {epochs} epochs and {hidden} hidden units, batches of 8 to 400 rows" in text
    assert "and a rate, a weight_decay or a weight_size up to 10." in text
    assert LIMITS["batch_size"] == (8, 400)
    assert {LIMITS[name] for name in ("lr", "weight_decay", "weight_size")} == {(0, 10)}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_scales_and_a_vanishing_gradient_are_told_from_a_healthy_run(
    solution: dict[str, Any],
) -> None:
    run = read(solution["experiment"](3, **FAULTS["G"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, rows=wide))
    assert CAUSES["C"].holds(replace(run, gradient_ratio=1e-5))


@pytest.mark.parametrize("other", [*RATES, *WIDER])
def test_no_other_setting_heals(other: dict[str, Any], solution: dict[str, Any]) -> None:
    assert read(solution["experiment"](116, **other)).accuracy < HEALTHY - 0.2


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("E", {}), lambda seed: seed)


def test_the_decay_without_data_by_hand() -> None:
    """The weight of the ratio by hand: 5 over 2, as its docstring derives."""
    known = by_hand()
    known.loss_fn(known.model(known.x), known.y).backward()
    (layer,) = (part for part in known.model.children() if isinstance(part, nn.Linear))
    assert layer.weight.norm().item() == pytest.approx(5.0)
    assert layer.weight.grad is not None
    assert layer.weight.grad.flatten().tolist() == pytest.approx([2.0, 0.0])
    assert known.expected == pytest.approx([2.5])


@pytest.mark.parametrize("make", [digits, wine_network, nested])
def test_ratios_agree_with_autograd(make: Callable[[], Any]) -> None:
    known = make()
    weights = [part.weight for part in known.model.modules() if isinstance(part, nn.Linear)]
    found = torch.autograd.grad(known.loss_fn(known.model(known.x), known.y), weights)
    ratios = [
        (weight.norm() / one.norm()).item() for weight, one in zip(weights, found, strict=True)
    ]
    assert known.expected == pytest.approx(ratios, rel=1e-4)


def test_two_groups_decay_at_two_rates(solution: dict[str, Any]) -> None:
    """The right step is the solution's; half of its decay is another."""
    answer = solution["decaying_step"]
    assert with_two_rates(answer, decay=0.2).gap < 1e-4
    halved = with_two_rates(lambda *given: answer(*given[:-1], given[-1] / 2), decay=0.2)
    assert halved.gap > 0.1


@pytest.mark.parametrize("way", SLIPS)
def test_a_slip_is_found_out(way: str) -> None:
    """Each way that a message names is refused, and named by what it is."""
    with pytest.raises(CheckFailed, match=re.escape(f"the right way's length: {way}.")):
        checks.check_decaying_step(SLIPS[way])


def pulls_of(weights: Callable[[nn.Module], list[torch.Tensor]]) -> Callable[..., list[float]]:
    """An answer to task 2 that takes these weights for those of the Linear layers."""

    def pulls(model: nn.Module, loss_fn: Any, x: Any, y: Any, decay: float) -> list[float]:
        found = weights(model)
        gradients = torch.autograd.grad(loss_fn(model(x), y), found)
        return [(decay * one.norm() / gradient.norm()).item()
                for one, gradient in zip(found, gradients, strict=True)]  # fmt: skip

    return pulls


@pytest.mark.parametrize(
    ("weights", "came"),
    [
        (lambda model: [one.weight for one in model.children() if isinstance(one, nn.Linear)], 1),
        (lambda model: [one for name, one in model.named_parameters() if "weight" in name], 4),
        (lambda model: [one for one in model.parameters() if one.ndim == 2], 3),
    ],
    ids=["children", "by name", "by shape"],
)
def test_linear_layers_are_found_wherever_they_stand(weights: Any, came: int) -> None:
    text = rf"On layers inside layers, .* shape \({came},\); expected numbers of shape \(2,\)\."
    with pytest.raises(CheckFailed, match=text):
        checks.check_pulls(pulls_of(weights))


def test_schedules_are_what_their_formulas_say(solution: dict[str, Any]) -> None:
    plans = gather(solution["planned_rates"])
    assert all(np.allclose(plan.seen, plan.right) for plan in plans)
    assert plans[1].right[10] == pytest.approx(plans[1].right[0])


@pytest.mark.parametrize(
    ("check", "arguments"),
    [(checks.check_decaying_step, 6), (checks.check_pulls, 5), (checks.check_planned_rates, 3)],
)
def test_an_error_is_theirs_and_names_their_line(check: Any, arguments: int) -> None:
    def mistaken(*given: Any) -> None:
        assert len(given) == arguments
        given[0].no_such_thing()

    with pytest.raises(CheckFailed, match=r"raised AttributeError: .*in your code"):
        check(mistaken)


@pytest.mark.parametrize(
    ("check", "came", "text"),
    [
        (checks.check_pulls, None, "pulls returned None; expected numbers of shape (1,)."),
        (checks.check_pulls, [1.0, 2.0], "returned numbers of shape (2,); expected numbers of"),
        (checks.check_planned_rates, None, "planned_rates returned None; expected numbers of"),
        (checks.check_planned_rates, [0.1], "returned numbers of shape (1,); expected numbers of"),
    ],
)
def test_an_answer_of_another_kind(check: Any, came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        check(lambda *given: came)
    assert text in str(failed.value)
