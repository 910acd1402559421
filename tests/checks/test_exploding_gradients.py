"""What is special to exercise 12; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import CheckFailed
from coursekit.checks import exploding_gradients as checks
from coursekit.checks.exploding_gradients.diagnose import LIMITS
from coursekit.checks.exploding_gradients.first_bad import networks
from coursekit.checks.exploding_gradients.gains import by_hand, eight_layers
from coursekit.checks.exploding_gradients.runs import CAUSES, HEALTHY, dead, read
from coursekit.checks.exploding_gradients.steps import starts


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("exploding_gradients")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "B": {"lr": 0.001, "weight_size": 6.0, "epochs": 1},
    "D": {},
    "F": {"lr": 0.4},
}


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("exploding_gradients")
    assert f"to at least {HEALTHY}," in text
    epochs, hidden = LIMITS["epochs"][1], LIMITS["hidden"][1]
    assert f"at most {epochs} epochs and {hidden} hidden units, and a decay of 0 to 1." in text
    assert LIMITS["decay"] == (0, 1)


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_what_lifts_the_accuracy_alone_leaves_the_cause(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](113, lr=1.0))
    assert run.accuracy >= HEALTHY
    assert CAUSES["D"].holds(run)


def test_the_units_die_on_the_way(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3))
    assert run.dead_before < 0.1
    assert run.dead_after > 0.8


def test_scales_and_a_vanishing_gradient_are_told_from_a_healthy_run(
    solution: dict[str, Any],
) -> None:
    run = read(solution["experiment"](3, **FAULTS["F"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, rows=wide))
    assert CAUSES["C"].holds(replace(run, gradient_ratio=1e-5))


def test_a_rate_that_falls_slowly_does_not_heal(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match=r"You answered E\."):
        checks.check_diagnose(lambda: ("E", {"decay": 0.75}), solution["experiment"])


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("D", {}), lambda seed: seed)


def test_a_run_that_diverges_is_read(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, lr=1e30, epochs=1))
    assert run.accuracy < HEALTHY


def test_a_unit_that_fires_once_is_alive() -> None:
    layer = nn.Linear(1, 3)
    layer.weight.data = torch.tensor([[1.0], [-1.0], [1.0]])
    layer.bias.data = torch.tensor([-1.5, 0.0, -9.0])
    model = nn.Sequential(layer, nn.ReLU(), nn.Linear(3, 2))
    assert dead(model, torch.tensor([[1.0], [2.0]])) == pytest.approx(2 / 3)


def test_factors_by_hand() -> None:
    """By hand: 2 over 1, 6 over 2. Then (3, -4), of which ReLU leaves (3, 0), over 1 is 3, and
    3 + 0 over 3 is 1. Without that ReLU, 5 over 1; doubled, ReLU leaves (6, 0), over 5. With a
    bias of 1, (2, 4) over (1, 3): √20 over √10. Last, (6, 8) over 2.
    """
    expected = [[2, 3], [3, 1], [5, 1.2], [2**0.5], [5]]
    for known, factors in zip(by_hand(), expected, strict=True):
        assert known.expected == pytest.approx(factors)
        layers = [*known.model]
        ends = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Linear)][1:]
        behind = [known.model[:end](known.x).detach() for end in [*ends, len(layers)]]
        lengths = [values.norm().item() for values in (known.x, *behind)]
        found = [after / before for before, after in pairwise(lengths)]
        assert found == pytest.approx(factors)


@pytest.mark.parametrize("size", [1.0, (2 / 64) ** 0.5])
def test_a_layer_multiplies_by_its_weights_and_the_root_of_half_its_units(size: float) -> None:
    """The rule of the lesson."""
    hidden = eight_layers(size, name="").expected[:-1]
    assert np.exp(np.log(hidden).mean()) == pytest.approx(size * 32**0.5, rel=0.1)


def test_the_networks_of_the_search_are_what_they_are_called() -> None:
    for known in networks():
        with torch.no_grad():
            behind = {"inputs": known.x}
            for name, layer in known.model.named_children():
                behind[name] = layer([*behind.values()][-1])
        bad = [name for name, values in behind.items() if not values.isfinite().all()]
        assert (bad[0] if bad else None) == known.expected


@pytest.mark.parametrize(
    ("check", "arguments"),
    [(checks.check_clipped_step, 6), (checks.check_gains, 2), (checks.check_first_bad, 2)],
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
        (checks.check_first_bad, 3, "first_bad returned an int; expected the name of a layer"),
        (checks.check_gains, None, "gains returned None; expected numbers of shape (2,)."),
        (checks.check_gains, [1.0], "returned numbers of shape (1,); expected numbers of shape"),
        (checks.check_clipped_step, None, "clipped_step returned None; expected numbers of shape"),
    ],
)
def test_an_answer_of_another_kind(check: Any, came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        check(lambda *given: came)
    assert text in str(failed.value)


def test_weights_that_become_nan_are_said_to() -> None:
    def ruin(model: nn.Module, *_: Any) -> float:
        for weight in model.parameters():
            weight.data *= torch.nan
        return 1.0

    with pytest.raises(CheckFailed, match=r"limit=0\.1 .* some weights become NaN or infinite"):
        checks.check_clipped_step(ruin)


def test_one_loss_is_not_finite_and_of_two_a_gradient_alone() -> None:
    """By hand: the first outputs hold 1e30 × 1e30. The second are 4 and -4, and the loss is 8.

    The third are -10 and 10, and the loss is 20. Each of two rows gives the first hidden unit a
    gradient of -½ · 3e38 - ½ · 3e38: -3e38, which is finite, and their sum is not.
    """
    losses, bad = [], []
    for model, x, y in starts():
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        losses.append(loss.item())
        bad.append([name for name, w in model.named_parameters() if not w.grad.isfinite().all()])
    assert losses == pytest.approx([torch.nan, 8.0, 20.0], abs=0.001, nan_ok=True)
    assert bad[1:] == [["1.weight"], ["0.bias"]]
    assert model[0].bias.grad.tolist() == [-torch.inf, pytest.approx(0, abs=1e-6)]
