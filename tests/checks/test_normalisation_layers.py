"""What is special to exercise 11; what holds for every exercise stands in test_exercises."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import CheckFailed
from coursekit.checks import normalisation_layers as checks
from coursekit.checks.normalisation_layers.diagnose import LIMITS
from coursekit.checks.normalisation_layers.fresh_averages import situations as averages
from coursekit.checks.normalisation_layers.group_norm import situations
from coursekit.checks.normalisation_layers.runs import CAUSES, HEALTHY, made_by_partners, read
from coursekit.checks.normalisation_layers.swings import by_hand, digits
from coursekit.checks.trained import named_rightly


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("normalisation_layers")


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "B": {"momentum": 0.1, "lr": 10.0, "epochs": 1},
    "D": {},
    "G": {"momentum": 0.3},
}


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("normalisation_layers")
    assert f"to at least {HEALTHY}." in text
    assert f"The check runs at most {LIMITS['epochs'][1]} epochs, 2 to 6 layers, up to" in text
    assert f"up to {LIMITS['hidden'][1]} hidden units and batches of 16 to 400 rows, with a" in text
    assert f"momentum of at most {LIMITS['momentum'][1]} and a rate and a decay of at most" in text
    assert LIMITS["layers"] == (2, 6)
    assert LIMITS["batch_size"] == (16, 400)
    assert LIMITS["lr"] == LIMITS["decay"] == (0, 100)
    assert "a decay of at most 100." in text


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS[fault]))
    assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == [fault]


def test_other_causes_are_told_from_a_healthy_run(solution: dict[str, Any]) -> None:
    run = read(solution["experiment"](3, **FAULTS["G"]))
    wide = run.rows.copy()
    wide[:, 20] *= 1000
    assert CAUSES["A"].holds(replace(run, rows=wide))
    assert CAUSES["C"].holds(replace(run, partners=0.7))
    assert CAUSES["E"].holds(replace(run, accuracy=0.7))


def test_weights_are_as_good_without_the_repair(solution: dict[str, Any]) -> None:
    """The two runs take the same steps: momentum is read in evaluation mode alone."""
    slow, quick = (solution["experiment"](3, **kw) for kw in ({}, {"momentum": 0.3}))
    assert torch.equal(slow["weights"][-1], quick["weights"][-1])


def test_means_and_variances_are_both_to_blame(solution: dict[str, Any]) -> None:
    """Averages taken anew heal; their means alone do not, nor their variances alone."""
    slow = solution["experiment"](3)
    fresh = copy.deepcopy(slow["model"])
    batches = list(slow["train"].tensors[0].split(64))[:-1]
    solution["fresh_averages"](fresh, batches)
    for taken in (("running_mean", "running_var"), ("running_mean",), ("running_var",)):
        held = {name: value for name, value in fresh.state_dict().items() if name.endswith(taken)}
        model = copy.deepcopy(slow["model"])
        model.load_state_dict(held, strict=False)
        heals = named_rightly(model.eval(), *slow["test"].tensors) >= HEALTHY
        assert heals == (len(taken) == 2)


def test_two_rows_leave_the_partners_most_and_many_leave_them_little() -> None:
    reaching = torch.randn(400, 8, generator=torch.Generator().manual_seed(3))
    two, eight, many = (made_by_partners(reaching, size) for size in (2, 8, 64))
    assert two > 0.5 > eight > many
    assert many < 0.1


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("D", {}), lambda seed: seed)


def test_groups_are_those_of_torch() -> None:
    for known in situations():
        theirs = nn.functional.group_norm(known.x, known.groups).numpy()
        assert known.expected == pytest.approx(theirs, abs=1e-4)


def test_swings_are_what_torch_gives() -> None:
    for known in (*by_hand(), digits()):
        model = known.model.train()
        with torch.no_grad():
            given = torch.stack([model(torch.stack([known.image, one]))[0] for one in known.others])
        span = (given.amax(dim=0) - given.amin(dim=0)).numpy()
        assert known.expected == pytest.approx(span, abs=0.002)


def test_a_pair_leaves_a_unit_two_values() -> None:
    """The rule of the lesson: +1 or −1, whatever the distance."""
    expected = digits().expected
    assert np.all((expected < 0.01) | (np.abs(expected - 2) < 0.01))


def test_averages_by_hand() -> None:
    """By hand: means 1 and 6, so 3.5; variances 2 and 8, over n − 1, so 5."""
    known = averages()[0]
    assert known.means[0] == pytest.approx([3.5])
    assert known.variances[0] == pytest.approx([5.0])


def test_averages_are_what_torch_takes() -> None:
    for known in averages():
        norms = [layer for layer in known.model if isinstance(layer, nn.BatchNorm1d)]
        for layer in norms:
            layer.reset_running_stats()
            layer.momentum = None
        known.model.train()
        with torch.no_grad():
            for batch in known.batches:
                known.model(batch)
        for layer, mean, variance in zip(norms, known.means, known.variances, strict=True):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            assert mean == pytest.approx(layer.running_mean.numpy(), abs=1e-4)
            assert variance == pytest.approx(layer.running_var.numpy(), abs=1e-4)


@pytest.mark.parametrize(
    ("check", "arguments"),
    [(checks.check_group_norm, 2), (checks.check_swings, 3), (checks.check_fresh_averages, 2)],
)
def test_an_error_is_theirs_and_names_their_line(check: Any, arguments: int) -> None:
    def mistaken(*given: Any) -> None:
        assert len(given) == arguments
        given[0].no_such_thing()

    with pytest.raises(CheckFailed, match=r"On .* raised AttributeError: .*in your code"):
        check(mistaken)


@pytest.mark.parametrize(
    ("check", "came", "text"),
    [
        (checks.check_group_norm, None, "group_norm returned None; expected numbers of shape"),
        (checks.check_group_norm, [1.0], "returned numbers of shape (1,); expected numbers of"),
        (checks.check_swings, None, "swings returned None; expected numbers of shape (1,)."),
    ],
)
def test_an_answer_of_another_kind(check: Any, came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        check(lambda *given: came)
    assert text in str(failed.value)


def test_averages_that_are_taken_out_are_said_to_be() -> None:
    def without(model: nn.Module, _: object) -> None:
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean = None

    with pytest.raises(CheckFailed, match="BatchNorm 1 has no running mean left"):
        checks.check_fresh_averages(without)
