"""The rules of a case that its claim does not hold: wrong fixes, the fix's own share, estimates."""

from dataclasses import replace

import pytest

from coursekit.cases import get_case
from coursekit.cases.case import Case, Claim, Recipe, Rival
from coursekit.evidence import Row, Standing, standing
from coursekit.evidence.words import evidence_in_words

BASE = get_case("unscaled-features")
NONE = Recipe(build=BASE.broken.build, train=BASE.broken.train, evaluate=BASE.broken.evaluate)
CASE = replace(
    BASE, name="c", rivals=(Rival(name="wider", recipe=NONE, why="It is not."),),
    claim=Claim(score="s", better="higher", broken_bound=0.5, fixed_bound=0.7, margin=0.2),
)  # fmt: skip


def rows(seeds: int, **scores: float) -> list[Row]:
    """Every seed has the same scores: recipe to score."""
    return [
        Row(
            case="c", framework="torch", recipe=recipe, seed=seed, threads=1, scores={"s": score},
            time_s=0.0, source="", versions={},
        )
        for seed in range(seeds) for recipe, score in scores.items()
    ]  # fmt: skip


def stood(made: list[Row], case: Case = CASE) -> Standing:
    found = standing(case, made, framework="torch", threads=1)
    assert found is not None
    return found


@pytest.mark.parametrize(("wider", "better"), [(0.83, False), (0.86, True)])
def test_a_wrong_fix_that_is_better_than_the_fix_fails(wider: float, better: bool) -> None:
    """From .4 to .8 the gap is .4: .83 closes 108 % of it, and .86 closes 115 %."""
    found = stood(rows(3, broken=0.4, fixed=0.8, wider=wider))
    assert found.judgement.held
    assert found.held is not better
    said = ("wrong fix 'wider' closes 115% of the gap: it is better than the fix",)
    assert found.breaches == (said if better else ())


def test_a_single_seed_says_nothing_about_a_share() -> None:
    assert stood(rows(2, broken=0.4, fixed=0.8, wider=0.9, healthy=1.0)).breaches == ()


@pytest.mark.parametrize(
    ("seeds", "fixed", "held"), [(3, 0.89, True), (20, 0.89, False), (3, 0.87, False)]
)
def test_a_fix_that_closes_too_little_of_the_gap_to_healthy_fails(
    seeds: int, fixed: float, held: bool
) -> None:
    """Of .4 to 1: .89 closes 82 %, which is enough for three seeds only, and .87 closes 78 %."""
    found = stood(rows(seeds, broken=0.4, fixed=fixed, healthy=1.0))
    assert found.held is held
    assert all("of the gap to healthy" in sentence for sentence in found.breaches)


def test_a_mitigation_is_held_to_its_own_share() -> None:
    case = replace(CASE, closes=0.6, mitigation="It is no repair.")
    assert stood(rows(20, broken=0.4, fixed=0.77, healthy=1.0), case).held
    assert not stood(rows(20, broken=0.4, fixed=0.75, healthy=1.0), case).held


def test_a_myth_has_no_gap_to_healthy() -> None:
    case = replace(CASE, kind="myth", finding="It is none.")
    assert stood(rows(20, broken=0.4, fixed=0.8, healthy=1.0), case).held


@pytest.mark.parametrize(
    ("estimate", "sentence"),
    [(0.85, ""), (0.95, "seed 0: the fixed run's estimate is 0.15 off, at most 0.12")],
)
def test_an_estimate_of_the_fixed_run_that_lies_fails(estimate: float, sentence: str) -> None:
    case = replace(CASE, kind="misjudges")
    made = [
        replace(row, scores={"s": row.scores["s"], "estimate": estimate, "truth": 0.8})
        for row in rows(1, broken=0.4, fixed=0.8)
    ]
    assert stood(made, case).breaches == ((sentence,) if sentence else ())


def test_a_case_that_misjudges_without_an_estimate_is_told_what_evaluate_must_return() -> None:
    found = stood(rows(3, broken=0.4, fixed=0.8), replace(CASE, kind="misjudges"))
    assert found.breaches == (
        "evaluate of a case that misjudges must return 'estimate' and 'truth'",
    )


def test_what_is_not_stored_is_made_by_commands_that_store_it() -> None:
    said = evidence_in_words(BASE, [], "torch")
    assert "coursekit verify --case unscaled-features --seeds 20 --save evidence;" in said
    assert said.endswith("--save evidence --pair-only --threads 2")
