"""Verdicts on rows whose outcome is known by hand."""

import math

import pytest

from coursekit.cases.claim import Claim, NoDifference, Raises
from coursekit.errors import BadInputError
from coursekit.evidence import Row, judge, share_of_gap

HIGHER = Claim(score="s", better="higher", broken_bound=0.5, fixed_bound=0.8, margin=0.3)
LOWER = Claim(score="s", better="lower", broken_bound=2.0, fixed_bound=1.0, margin=1.0)
RATIO = Claim(score="s", better="lower", broken_bound=2.0, fixed_bound=0.5, margin=4, ratio=True)
SAME = NoDifference(score="s", better="higher", bound=0.9, tolerance=0.05)
RAISES = Raises(error="ValueError", words="shapes")


def row(recipe: str, seed: int, score: float | None, error: str = "") -> Row:
    return Row(
        case="c", framework="torch", recipe=recipe, seed=seed, threads=1,
        scores={} if score is None else {"s": score}, time_s=0.0, source="", versions={},
        error=error,
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


def test_a_ratio_is_of_the_best_broken_over_the_worst_fixed() -> None:
    """2.0 / 0.5 is 4, though each seed's own ratio is larger."""
    found = judge(RATIO, pairs((2.0, 0.1), (9.0, 0.5)))
    assert (found.held, found.margin) == (True, 4.0)
    assert judge(RATIO, pairs((2.1, 0.6))).failures == (
        "seed 0: fixed reached only 0.600", "the margin is 3.500, the claim needs 4",
    )  # fmt: skip


def test_a_ratio_of_a_diverged_run_is_infinite_and_of_a_diverged_fix_none() -> None:
    assert judge(RATIO, pairs((math.nan, 0.1))).margin == math.inf
    assert not judge(RATIO, pairs((2.0, math.nan))).held


def test_shares_of_a_ratio_are_of_logarithms() -> None:
    """From 1 to 0.01 there are two decades: 0.1 has gone half of the way."""
    rows = [*pairs((1.0, 0.01)), row("rival", 0, 0.1)]
    assert math.isclose(share_of_gap(RATIO, rows, "rival"), 0.5)


def test_no_difference_holds_where_both_are_good_and_alike() -> None:
    found = judge(SAME, pairs((0.95, 0.97), (0.98, 0.93)))
    assert found.held
    assert math.isclose(found.margin, 0.05)


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ((0.80, 0.95), "seed 0: broken reached only 0.800"),
        ((0.95, 0.80), "seed 0: fixed reached only 0.800"),
        ((0.92, 0.99), "seed 0: broken and fixed are 0.070 apart"),
        ((math.nan, 0.95), "seed 0: broken reached only -inf"),
    ],
)
def test_a_difference_is_named(pair: tuple[float, float], sentence: str) -> None:
    found = judge(SAME, pairs(pair))
    assert not found.held
    assert sentence in found.failures


def test_no_difference_with_lower_scores() -> None:
    claim = NoDifference(score="s", better="lower", bound=0.5, tolerance=0.1)
    assert judge(claim, pairs((0.4, 0.45))).held
    assert not judge(claim, pairs((0.55, 0.5))).held


def test_raises_holds_by_type_and_words() -> None:
    rows = [row("broken", 0, None, "ValueError: shapes differ"), row("fixed", 0, 0.9)]
    found = judge(RAISES, rows)
    assert found.held
    assert math.isnan(found.worst_fixed)
    assert math.isnan(share_of_gap(RAISES, rows, "fixed"))


@pytest.mark.parametrize(
    ("broken", "fixed", "sentence"),
    [
        ("TypeError: shapes differ", "", "seed 0: broken ended in TypeError: shapes differ"),
        ("ValueError: a number", "", "seed 0: broken ended in ValueError: a number"),
        ("", "", "seed 0: broken ended in no error"),
        ("ValueError: shapes", "KeyError: 1", "seed 0: fixed ended in KeyError: 1"),
    ],
)
def test_another_error_or_none_fails(broken: str, fixed: str, sentence: str) -> None:
    rows = [row("broken", 0, None, broken), row("fixed", 0, None, fixed)]
    assert judge(RAISES, rows).failures == (sentence,)


@pytest.mark.parametrize("claim", [HIGHER, SAME])
def test_an_error_is_a_failure_where_a_score_is_claimed(claim: Claim | NoDifference) -> None:
    """Even of the broken run: a crash is not a low score."""
    rows = [row("broken", 0, None, "OSError: disk"), row("fixed", 0, 0.95)]
    found = judge(claim, rows)
    assert not found.held
    assert "seed 0: broken ended in OSError: disk" in found.failures


def test_a_score_that_evaluate_does_not_return_is_a_sentence() -> None:
    claim = Claim(score="r2", better="higher", broken_bound=0, fixed_bound=1, margin=1)
    with pytest.raises(BadInputError, match=r"gave no score 'r2'\. Its evaluate returns: s"):
        judge(claim, pairs((0.1, 0.9)))


def test_from_a_diverged_run_a_rival_closes_all_or_nothing() -> None:
    """The bound of fixed is 0.8: one rival of three keeps it."""
    rows = pairs((math.nan, 0.9), (math.nan, 0.9), (math.nan, 0.9))
    rows += [row("rival", 0, 0.85), row("rival", 1, 0.5), row("rival", 2, math.nan)]
    assert share_of_gap(HIGHER, rows, "rival") == 0.0
    assert share_of_gap(HIGHER, rows[:6] + rows[6:7], "rival") == 1.0


def test_a_rival_that_diverges_from_a_finite_run_closes_nothing() -> None:
    assert share_of_gap(HIGHER, [*pairs((0.4, 0.9)), row("rival", 0, math.nan)], "rival") == 0.0


def test_a_share_of_the_gap_to_healthy() -> None:
    """(0.9 − 0.4) / (1.0 − 0.4)."""
    rows = [*pairs((0.4, 0.9)), row("healthy", 0, 1.0)]
    assert math.isclose(share_of_gap(HIGHER, rows, "fixed", target="healthy"), 5 / 6)
