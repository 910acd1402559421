"""Verdicts on rows whose outcome is known by hand."""

import math

import pytest

from coursekit.cases.case import Claim
from coursekit.errors import BadInputError
from coursekit.evidence import Row, judge, share_of_gap

HIGHER = Claim(score="s", better="higher", broken_bound=0.5, fixed_bound=0.8, margin=0.3)
LOWER = Claim(score="s", better="lower", broken_bound=2.0, fixed_bound=1.0, margin=1.0)


def row(recipe: str, seed: int, score: float) -> Row:
    return Row(
        case="c", framework="torch", recipe=recipe, seed=seed, threads=1, scores={"s": score},
        time_s=0.0, source="", versions={},
    )  # fmt: skip


def pairs(*scores: tuple[float, float]) -> list[Row]:
    """Rows from (broken, fixed) scores, one pair a seed."""
    return [
        row(recipe, seed, score)
        for seed, pair in enumerate(scores)
        for recipe, score in zip(("broken", "fixed"), pair, strict=True)
    ]


def test_a_claim_holds_by_its_worst_pair_across_seeds() -> None:
    found = judge(HIGHER, pairs((0.4, 0.9), (0.5, 0.8)))
    assert (found.held, found.seeds, found.best_broken, found.worst_fixed) == (True, 2, 0.5, 0.8)
    assert math.isclose(found.margin, 0.3)


def test_margin_is_across_seeds_not_within_one() -> None:
    """Each seed has a gap of 0.31, but the worst fixed run is 0.29 above the best broken one."""
    found = judge(HIGHER, pairs((0.50, 0.81), (0.49, 0.80), (0.51, 0.82)))
    assert not found.held
    assert found.failures[-1].startswith("the margin is 0.290")


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ((0.6, 0.95), "seed 0: broken reached 0.600"),
        ((0.1, 0.75), "seed 0: fixed reached only 0.750"),
        ((0.1, math.nan), "seed 0: fixed reached only"),
    ],
)
def test_a_bound_that_fails_is_named(scores: tuple[float, float], sentence: str) -> None:
    found = judge(HIGHER, pairs(scores))
    assert not found.held
    assert found.failures[0].startswith(sentence)


def test_a_broken_score_that_is_not_finite_is_the_worst_there_is() -> None:
    assert judge(HIGHER, pairs((math.nan, 0.9))).held
    assert judge(LOWER, pairs((math.inf, 0.9))).held


def test_lower_is_better_turns_everything_round() -> None:
    found = judge(LOWER, pairs((2.0, 1.0), (3.0, 0.5)))
    assert (found.held, found.best_broken, found.worst_fixed) == (True, 2.0, 1.0)
    assert not judge(LOWER, pairs((1.9, 0.5))).held


def test_rows_without_a_pair_are_refused() -> None:
    with pytest.raises(BadInputError, match="No seed has both"):
        judge(HIGHER, [row("broken", 0, 0.1), row("fixed", 1, 0.9)])


def test_share_of_the_gap_is_the_median_over_paired_seeds() -> None:
    """Shares by hand: (.5 - .4)/.5 = .2, (.8 - .4)/.4 = 1, (.4 - .4)/.5 = 0: the median is .2."""
    rows = pairs((0.4, 0.9), (0.4, 0.8), (0.4, 0.9))
    rows += [row("rival", 0, 0.5), row("rival", 1, 0.8), row("rival", 2, 0.4)]
    assert math.isclose(share_of_gap(HIGHER, rows, "rival"), 0.2)


def test_share_of_an_absent_rival_is_refused() -> None:
    with pytest.raises(BadInputError, match="No run of 'rival'"):
        share_of_gap(HIGHER, pairs((0.4, 0.9)), "rival")


def test_seeds_without_a_gap_are_left_out_of_the_share() -> None:
    rows = [*pairs((0.4, 0.4), (0.4, 0.8)), row("rival", 0, 0.9), row("rival", 1, 0.6)]
    assert math.isclose(share_of_gap(HIGHER, rows, "rival"), 0.5)
    assert math.isnan(share_of_gap(HIGHER, [*rows[:2], row("rival", 0, 0.9)], "rival"))
