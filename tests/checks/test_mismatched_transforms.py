"""What is special to exercise 02; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import CheckFailed
from coursekit.checks import mismatched_transforms as checks
from coursekit.checks.mismatched_transforms.alarm import FALSE_ALARMS, FOUND, ROWS
from coursekit.checks.mismatched_transforms.diagnose import CAUSES, LIMITS
from coursekit.checks.mismatched_transforms.stacks import by_hand, photographs
from coursekit.checks.table_runs import HEALTHY, read


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("mismatched_transforms")


def test_the_text_states_the_limits_that_the_checks_use(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("mismatched_transforms")
    assert f"in use to at least {HEALTHY}," in text
    assert f"at most {LIMITS['epochs'][1]} epochs" in text
    assert f"At least {100 * FOUND:.0f} % of the requests with each fault" in text
    assert f"at most {100 * FALSE_ALARMS:.0f} % of the honest ones" in text
    assert f"shape ({ROWS}, features)" in text


@pytest.mark.parametrize(
    ("task", "answer", "text"),
    [
        ("pack", lambda *_: None, r"pack returned None; expected an nn\.Module\. Is the return mi"),
        ("pack", lambda network, *_: network.forward, r"returned a method; expected an nn\.Module"),
        ("pack", lambda network, *_: nn.Sequential(network, nn.Flatten(0)), r"shape \(80,\)"),
        ("pack", lambda *_: nn.Linear(3, 2), r"The model that pack returned raised RuntimeError"),
        (
            "pack",
            lambda network, mean, spread: nn.Sequential(nn.Identity(), *network),
            r"pack raised TypeError: .*Network",
        ),
        ("mismatch", lambda *_: None, r"mismatch returned None; expected two things, shift and"),
        (
            "mismatch",
            lambda a, b: b.mean() - a.mean(),
            r"returned an array of shape \(\); expected",
        ),
        ("mismatch", lambda a, b: (1.0, 1.0), r"numbers of shape \(\); expected numbers of shape"),
        ("alarm", lambda *_: None, r"alarm returned None; expected True or False\. Is the return"),
        ("alarm", lambda *_: 0.7, r"alarm returned a float; expected True or False\."),
        ("alarm", lambda a, b: b.mean(axis=0) > 3, r"returned an array of shape \(13,\)"),
    ],
)
def test_an_answer_of_another_kind_is_named(task: str, answer: object, text: str) -> None:
    with pytest.raises(CheckFailed, match=text):
        getattr(checks, f"check_{task}")(answer)


def test_the_stacks_by_hand() -> None:
    """By hand.

    Two channels. In training the first is 1 in one picture and 3 in the other: mean 2, spread 1. In
    use it is 3 in the upper half and 7 in the lower: mean 5, spread 2. Shift (5 - 2) / 1 = 3, ratio
    2. The second is 0 and 4 in training, 1 and 3 in use: both means are 2, the spreads 2 and 1.

    One channel, -1 and 3 against -3 and 1: both spreads are 2, the means 1 and -1: shift -1.
    """
    two, one, same = by_hand()
    for pair, mean, spread in [(two, [5, 2], [2, 1]), (one, [-1], [2])]:
        pixels = pair.in_use.transpose(0, 1).flatten(1)
        assert pixels.mean(dim=1).tolist() == mean
        assert pixels.std(dim=1, correction=0).tolist() == spread
    assert (two.shift.tolist(), two.ratio.tolist()) == ([3, 0], [2, 0.5])
    assert (one.shift.tolist(), one.ratio.tolist()) == ([-1], [1])
    assert torch.equal(same.trained_on, same.in_use)


def test_the_photographs_answers_are_those_of_their_tensors() -> None:
    for pair in photographs():
        before, after = (x.double().numpy() for x in (pair.trained_on, pair.in_use))
        mean = [x.mean(axis=(0, 2, 3)) for x in (before, after)]
        spread = [x.std(axis=(0, 2, 3)) for x in (before, after)]
        np.testing.assert_allclose(pair.shift, (mean[1] - mean[0]) / spread[0], atol=1e-5)
        np.testing.assert_allclose(pair.ratio, spread[1] / spread[0], atol=1e-5)


def test_exactly_one_letter_holds_for_the_exercise(solution: dict[str, Any]) -> None:
    for seed in (0, 1, 2):
        start = partial(solution["experiment"], seed, epochs=0)
        run = read(solution["experiment"](seed), start)
        assert [letter for letter, cause in CAUSES.items() if cause.holds(run)] == ["D"]
