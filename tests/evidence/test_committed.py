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

PAIR = {"broken", "fixed"}
FORMS = [(case, framework) for case in CASES for framework in frameworks(case)]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
every_form = pytest.mark.parametrize(
    ("case", "framework"), FORMS, ids=[f"{case.name}-{framework}" for case, framework in FORMS]
)


def rows_of(case: Case, framework: Framework, threads: int) -> list[Row]:
    return [row for row in load(case.name) if (row.framework, row.threads) == (framework, threads)]


def stood(case: Case, framework: Framework, threads: int) -> Standing:
    found = standing(case, load(case.name), framework=framework, threads=threads)
    assert found is not None, "no evidence: run coursekit verify --save evidence"
    return found


@every_form
def test_it_is_of_the_present_code(case: Case, framework: Framework) -> None:
    for threads in (1, 2):
        rows = rows_of(case, framework, threads)
        for name, recipe in recipes(case, framework).items():
            mine = [row for row in rows if row.recipe == name]
            if threads == 1 or name in PAIR:
                assert mine, f"no evidence of {name!r} on {threads} threads"
            assert {row.source for row in mine} <= {source_hash(recipe)}, f"{name!r} is stale"
        assert {row.recipe for row in rows} <= set(recipes(case, framework)), "a recipe is gone"


@every_form
def test_the_claim_holds_on_twenty_seeds_and_each_number_of_threads(
    case: Case, framework: Framework
) -> None:
    for threads in (1, 2):
        judged = stood(case, framework, threads).judgement
        assert judged.failures == ()
        assert judged.seeds >= 20


@every_case
def test_every_wrong_fix_was_run_and_none_is_better_than_the_fix(case: Case) -> None:
    found = stood(case, "torch", 1)
    if not math.isnan(found.judgement.worst_fixed):
        assert set(found.shares) == {rival.name for rival in case.rivals}
    for name, share in found.shares.items():
        assert share < 1.1, name


@every_case
def test_the_fix_closes_what_the_case_says(case: Case) -> None:
    found = stood(case, "torch", 1)
    if found.repaired is not None and case.kind != "myth":
        assert found.repaired >= case.closes


def test_runs_are_short() -> None:
    """Half of the cases take under a second in PyTorch and three in Keras, as measured."""
    for framework, limit_s in (("torch", 1.0), ("keras", 3.0)):
        times = [
            sorted(row.time_s for row in rows_of(case, framework, 1) if row.recipe in PAIR)  # type: ignore[arg-type]
            for case in CASES
        ]
        medians = sorted(found[len(found) // 2] for found in times if found)
        assert medians[len(medians) // 2] < limit_s
