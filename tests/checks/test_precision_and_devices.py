"""What is special to exercise 14; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import CheckFailed
from coursekit.checks import precision_and_devices as checks
from coursekit.checks.precision_and_devices.batches import Counts, batches
from coursekit.checks.precision_and_devices.diagnose import LIMITS
from coursekit.checks.precision_and_devices.lost import by_hand, on_digits
from coursekit.checks.precision_and_devices.rounding import RoundedLinear
from coursekit.checks.precision_and_devices.runs import CAUSES, HEALTHY, read
from coursekit.checks.precision_and_devices.steady_sum import ORDERS, tables


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("precision_and_devices")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "B": {"scale": 2.0**20, "lr": 1.0},
    "C": {},
    "F": {"scale": 2.0**20},
}


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("precision_and_devices")
    assert f"to at least {HEALTHY}," in text
    epochs, hidden = LIMITS["epochs"][1], LIMITS["hidden"][1]
    assert f"at most {epochs} epochs and {hidden} hidden units, a rate up to 10, a" in text
    assert "a loss_weight from 1e-12 to 1 and a scale from 2**-20 to 2**60." in text
    assert [LIMITS[name] for name in ("loss_weight", "scale")] == [(1e-12, 1), (2**-20, 2**60)]
    assert {len(numbers) for numbers in tables().values()} == {2000, 4}
    assert ORDERS == 12
    assert "two thousand numbers in twelve orders, and four of which" in text


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_an_overflow_is_told_from_what_is_lost(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, scale=2.0**50, epochs=1))
    assert CAUSES["D"].holds(run)
    assert not CAUSES["C"].holds(run)


def test_probabilities_are_told_from_logits(solution: dict[str, Any]) -> None:
    for softmax in (False, True):
        run = read(solution["experiment"](3, scale=2.0**20, softmax=softmax))
        assert CAUSES["E"].holds(run) == softmax


def test_scales_are_told_from_a_healthy_run(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS["F"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, rows=wide))


def test_what_hides_the_cause_lifts_the_accuracy_and_leaves_it(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, scale=128.0))
    assert run.accuracy >= HEALTHY
    assert CAUSES["C"].holds(run)


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("C", {}), lambda seed: seed)
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        read(solution["experiment"](3, epochs=1) | {"gradients": None})


def test_gradients_are_rounded_and_outputs_are_not() -> None:
    """1 + 2⁻²⁰ is 1 in float16, whose numbers lie 2⁻¹⁰ apart there."""
    layer = RoundedLinear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1 + 2**-20)
    inputs = torch.ones(1, 1, requires_grad=True)
    outputs = layer(inputs)
    assert outputs.item() == 1 + 2**-20
    outputs.backward(torch.tensor([[1 + 2**-20]]))
    assert layer.weight.grad is not None
    assert inputs.grad is not None
    assert layer.weight.grad.item() == inputs.grad.item() == 1


@pytest.mark.parametrize(
    ("name", "infinite"),
    [("first", [0]), ("last", [2]), ("short", []), ("long", []), ("scale", [])],
)
def test_gradients_overflow_where_they_are_said_to(name: str, infinite: list[int]) -> None:
    batch = batches()[name]
    loss = batch.scale * Counts(batch.part)(batch.model(batch.x), batch.y)
    loss.backward()  # type: ignore[no-untyped-call]
    for layer in (0, 2):
        gradient = batch.model.get_parameter(f"{layer}.weight").grad
        assert gradient is not None
        assert bool(gradient.isfinite().all()) == (layer not in infinite)


def test_one_entry_of_a_bias_overflows_alone() -> None:
    """By hand: twelve rows of -65536 · (⅔ + ⅓ + ⅓) / 12 are -87381, beyond float16."""
    batch = batches()["bias"]
    loss = batch.scale * Counts(batch.part)(batch.model(batch.x), batch.y)
    loss.backward()  # type: ignore[no-untyped-call]
    weights = {name: weight.grad for name, weight in batch.model.named_parameters()}
    bias = weights.pop("0.bias")
    assert bias is not None
    assert bias.isfinite().tolist() == [place != 3 for place in range(8)]
    assert bias.min() == -torch.inf
    assert all(grad is not None and grad.isfinite().all() for grad in weights.values())


def test_inputs_and_what_the_layers_make_of_them_stay_within_float16() -> None:
    for name in batches().keys() - {"nan", "rolling"}:
        numbers = batches()[name].x
        for layer in batches()[name].model.children():
            assert numbers.abs().max() < torch.finfo(torch.float16).max
            numbers = layer(numbers)


def test_without_a_scale_nothing_arrives() -> None:
    batch = batches()["short"]
    loss = Counts(batch.part)(batch.model(batch.x), batch.y)
    loss.backward()  # type: ignore[no-untyped-call]
    assert not any(
        weight.grad.any() for weight in batch.model.parameters() if weight.grad is not None
    )


@pytest.mark.parametrize("came", [None, "yes", 2, [True], torch.ones(2)], ids=str)
def test_a_step_that_is_not_reported(came: object) -> None:
    with pytest.raises(
        CheckFailed, match=r"With a short gradient, scaled_step returned .*; expect"
    ):
        checks.check_scaled_step(lambda *_: came)


def test_weights_that_become_nan_are_said_to() -> None:
    def ruin(model: nn.Module, *_: Any) -> bool:
        for weight in model.parameters():
            weight.data *= torch.nan
        return True

    with pytest.raises(CheckFailed, match="short gradient, some weights become NaN or infinite"):
        checks.check_scaled_step(ruin)


@pytest.mark.parametrize(
    ("check", "name"),
    [(checks.check_scaled_step, "scaled_step"), (checks.check_lost, "lost"),
     (checks.check_steady_sum, "steady_sum")],
)  # fmt: skip
def test_an_error_is_theirs_and_names_their_line(check: Any, name: str) -> None:
    def mistaken(*given: Any) -> None:
        given[0].no_such_thing()

    with pytest.raises(CheckFailed, match=rf"{name} raised AttributeError: .*in your code"):
        check(mistaken)


@pytest.mark.parametrize("came", [None, 0.5, (0.5,), torch.zeros(3)], ids=str)
def test_an_answer_that_is_not_two_numbers(came: object) -> None:
    with pytest.raises(CheckFailed, match=r"lost returned .*; expected numbers of shape \(2,\)"):
        checks.check_lost(lambda *_: came)


def test_shares_by_hand() -> None:
    """By hand. float16 holds 2⁻²⁴ = 6e-8 at the least; below the half of it, 3e-8, is 0.

    1e-8 becomes 0; 4e-8 is rounded up; -1e-6 and 0.5 are held: a quarter is lost. The largest
    number is 65504, and the next would be 65536: from half way on, 65520, all is infinite. So
    70000 and -1e6 are, and 65510 is not. bfloat16 reaches nearly as far as float32: -4e-41 and
    3.4e38 are beyond. Times 65536, 1e-8 is held, 1e-13 is not, and 1 is infinite; times 1024, 1 is
    held. Times 1e-5, 70000 is held, and 4e-41 is 0 in float32 already.
    """
    expected = [[0.25, 0], [0, 0.5], [0.25, 0], [0, 0.25], [2 / 3, 0], [0, 0.5], [0.25, 0.25],
                [0.25, 0], [0.25, 0], [0, 0]]  # fmt: skip
    assert [known.expected.tolist() for known in by_hand()] == expected
    for known in by_hand():
        there = known.gradient[known.gradient != 0].double() * known.scale
        half = known.dtype == torch.float16
        zero, infinite = (2**-25, 65520) if half else (2**-134, (2 - 2**-8) * 2**127)
        shares = [(there.abs() <= zero), (there.abs() >= infinite)]
        found = [share.double().mean().item() if len(there) else 0 for share in shares]
        np.testing.assert_allclose(known.expected, found)


def test_of_digits_the_nine_wrong_classes_are_lost() -> None:
    assert on_digits(torch.float16, 1).expected[0] == pytest.approx(0.9)
    assert on_digits(torch.float16, 2.0**16).expected[0] == 0
    assert on_digits(torch.bfloat16, 1).expected[0] == 0


def test_a_sum_that_is_nan_is_refused() -> None:
    with pytest.raises(CheckFailed, match="your sum is nan; expected 991"):
        checks.check_steady_sum(lambda numbers: np.nan)
