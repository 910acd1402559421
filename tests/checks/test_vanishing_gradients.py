"""What is special to exercise 04; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from coursekit.checks import CheckFailed
from coursekit.checks import vanishing_gradients as checks
from coursekit.checks.deep_runs import CAUSES, HEALTHY, read
from coursekit.checks.networks import Measured
from coursekit.checks.vanishing_gradients.deep_network import DEPTH, EPOCHS, LEARNT
from coursekit.checks.vanishing_gradients.diagnose import LIMITS
from coursekit.checks.vanishing_gradients.fill import FLAT, LEAST, LEAST_OF_TANH, MOST, MOST_FLAT
from coursekit.checks.vanishing_gradients.networks import by_hand, ten_layers


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("vanishing_gradients")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "C": {"decay": 1.0, "activation": "sigmoid"},
    "D": {"decay": 1.0, "lr": 3.0},
    "E": {},
    "F": {"decay": 1.0},
}


def test_the_text_states_the_limits_that_the_checks_use(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("vanishing_gradients")
    assert f"to at least {HEALTHY}." in text
    assert f"at most {LIMITS['epochs'][1]} epochs and at most {LIMITS['depth'][1]} layers" in text
    assert f"must be at least {LEARNT} on both" in text
    assert (DEPTH, EPOCHS) == (30, 5)
    assert "it must lie between 1/3 and 3." in text
    assert (LEAST, MOST) == (1 / 3, 3)
    assert f"behind it {LEAST_OF_TANH} is enough" in text
    assert f"at most a quarter of its outputs may lie beyond ±{FLAT}" in text
    assert MOST_FLAT == 1 / 4


def test_an_error_in_fill_is_theirs_and_names_their_line() -> None:
    def mistaken(layer: nn.Linear, activation: str) -> None:
        nn.init.normal_(layer.wieght)  # type: ignore[arg-type]

    with pytest.raises(CheckFailed, match=r"fill raised AttributeError: .*wieght.*in your code"):
        checks.check_fill(mistaken)


@pytest.mark.parametrize("axes", [(2,), (2, 3)])
def test_a_layer_is_a_linear_and_not_any_weight_with_two_axes(axes: tuple[int, ...]) -> None:
    def by_axes(model: nn.Module, loss_fn: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
        weights = [weight for weight in model.parameters() if weight.ndim in axes]
        return [g.norm() for g in torch.autograd.grad(loss_fn(model(x), y), weights)]

    count = len(axes) + 1
    text = rf"a table and a convolution, .* shape \({count},\); expected numbers of shape \(1,\)"
    with pytest.raises(CheckFailed, match=text):
        checks.check_gradient_norms(by_axes)


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

    Input 1, table 1, convolution 2, layer 3: output 12, slope 24. Layer: 24 · 4 = 96.
    """
    expected = [[36, 24], [30], [1, 1], [81, 108, 54], [96]]
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
