"""The evidence that is committed is of the present code, and says what the cases claim."""

import math

import pytest

from coursekit.cases import CASES
from coursekit.cases.case import Case
from coursekit.evidence import (
    Framework,
    Row,
    Standing,
    frameworks,
    load,
    recipes,
    source_hash,
    standing,
)
from coursekit.evidence.words import how_to_store

PAIR = {"broken", "fixed"}
SEEDS = 20
FORMS = [(case, framework) for case in CASES for framework in frameworks(case)]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_form = pytest.mark.parametrize(
    ("case", "framework"), FORMS, ids=[f"{case.name}-{framework}" for case, framework in FORMS]
)


def rows_of(case: Case, framework: Framework, threads: int) -> list[Row]:
    return [row for row in load(case.name) if (row.framework, row.threads) == (framework, threads)]


def stood(case: Case, framework: Framework, threads: int) -> Standing | None:
    return standing(case, load(case.name), framework=framework, threads=threads)


def again(case: Case) -> str:
    """What makes the evidence as it should be: only the runs that are not there yet are made."""
    one, two = how_to_store(case.name)
    return f"Run: {one}, and with the machine to itself: {two}"


@every_form
def test_it_is_of_the_present_code(case: Case, framework: Framework) -> None:
    there = recipes(case, framework)
    for row in load(case.name):
        if row.framework == framework:
            assert row.recipe in there, f"{row.recipe!r} is gone. {again(case)}"
            same = row.source == source_hash(there[row.recipe])
            assert same, f"{row.recipe!r} is stale: its code has changed since. {again(case)}"


@every_form
def test_the_claim_holds_on_every_seed_and_number_of_threads(
    case: Case, framework: Framework
) -> None:
    for threads in (1, 2):
        found = stood(case, framework, threads)
        assert found is None or found.judgement.failures == ()


@every_form
def test_no_rule_is_broken(case: Case, framework: Framework) -> None:
    """By the same measure as `coursekit verify`: wrong fixes, the fix's own share, estimates."""
    for threads in (1, 2):
        found = stood(case, framework, threads)
        assert found is None or found.breaches == ()


@every_form
def test_it_has_twenty_seeds_on_one_thread(case: Case, framework: Framework) -> None:
    assert seeds_of(case, framework, 1) >= SEEDS, again(case)


@every_form
def test_it_has_twenty_seeds_on_two_threads(case: Case, framework: Framework) -> None:
    assert seeds_of(case, framework, 2) >= SEEDS, again(case)


@every_case
def test_every_recipe_was_run_on_twenty_seeds(case: Case) -> None:
    """The wrong fixes and the healthy recipe too, in PyTorch."""
    rows = rows_of(case, "torch", 1)
    for name in recipes(case, "torch"):
        assert sum(row.recipe == name for row in rows) >= SEEDS, f"{name}. {again(case)}"


def seeds_of(case: Case, framework: Framework, threads: int) -> int:
    """How many whole seeds there are."""
    found = stood(case, framework, threads)
    return 0 if found is None else found.judgement.seeds


@every_case
def test_no_wrong_fix_is_better_than_the_fix(case: Case) -> None:
    found = stood(case, "torch", 1)
    for name, share in found.shares.items() if found else ():
        assert math.isnan(share) or share < 1.1, name


@every_case
def test_the_fix_closes_what_the_case_says(case: Case) -> None:
    found = stood(case, "torch", 1)
    if found is not None and found.repaired is not None and case.kind != "myth":
        assert found.repaired >= case.closes


def test_runs_are_short() -> None:
    """Half of the cases take under a second in PyTorch and three in Keras.

    A run's time is that of the fastest of its seeds: whatever else a machine does can only add.
    """
    limits_s: dict[Framework, float] = {"torch": 1.0, "keras": 3.0}
    for framework, limit_s in limits_s.items():
        slower = sorted(
            max(fastest_s(case, framework, which) for which in PAIR)
            for case in CASES
            if framework in frameworks(case)
        )
        assert slower[len(slower) // 2] < limit_s


def fastest_s(case: Case, framework: Framework, which: str) -> float:
    """The shortest time of a recipe, in seconds."""
    rows = rows_of(case, framework, 1)
    return min(row.time_s for row in rows if row.recipe == which)
