"""The tool that makes the runs: what it measures is what the pool holds."""

import numpy as np
import pytest
from build_mysteries import FIRST_SEED, MORE, kept, make, orders
from mystery_measuring import measure, rounded, thinned

from coursekit.cases import get_case
from coursekit.mysteries.pool import stored
from coursekit.mysteries.sheet import Sheet
from coursekit.mysteries.tells import TELLS
from coursekit.records import Record
from coursekit.vitals.torch import record

QUICK = "scaler-refitted-per-batch"


def test_every_run_has_a_seed_of_its_own_that_nothing_was_tuned_on() -> None:
    seeds = [order.seed for order in orders(list(TELLS))]
    assert len(set(seeds)) == len(seeds) == 4 * len(TELLS) + 2 * sum(MORE.values())
    assert min(seeds) == FIRST_SEED >= 3000


def test_a_few_cases_get_the_seeds_that_they_have_among_all() -> None:
    alone = [order.seed for order in orders([QUICK])]
    assert alone == [order.seed for order in orders(list(TELLS)) if order.case == QUICK]


def test_the_stored_runs_are_those_that_the_tool_makes() -> None:
    """To the precision that a different processor leaves."""
    kept = [stored().sheet(run.name) for run in stored() if run.case == QUICK]
    for order in orders([QUICK]):
        sheet = make(order).sheet
        assert any(alike(sheet, other) for other in kept), order.seed


def test_the_runs_of_other_cases_stay_as_they_are() -> None:
    stay = kept([QUICK])
    assert {run.case for run in stay} == set(TELLS) - {QUICK}
    assert {run.sheet.numbers.tobytes() for run in stay} <= {
        stored().sheet(run.name).numbers.tobytes() for run in stored()
    }


def alike(one: Sheet, other: Sheet) -> bool:
    start = one.curves[:, 0], other.curves[:, 0]
    return np.allclose(one.numbers, other.numbers, rtol=0.05, atol=0.03, equal_nan=True) and (
        np.allclose(*start, rtol=0.02, equal_nan=True)
    )


def watched(name: str, seed: int) -> Record:
    recipe = get_case(name).fixed
    setup = recipe.build(seed, "cpu")
    with record(setup.model, setup.optimizer, every=1) as vitals:
        for _ in recipe.train(setup):
            pass
    return vitals.record


def test_a_curve_begins_where_the_run_begins_and_holds_its_highest_loss() -> None:
    found, sheet = (
        watched("unscaled-features", 2000),
        measure(get_case("unscaled-features").fixed, 2000),
    )
    loss = found["loss"].values
    assert sheet.curve("loss")[0] == pytest.approx(loss[0], rel=0.01)
    assert sheet.curve("loss_high").max() == pytest.approx(loss.max(), rel=0.01)
    assert sheet.number("steps") == found.step_count
    first = found["gradient_norm"].values[0]
    shown = [sheet.curve(f"gradient_norm_{where}")[0] for where in ("first", "last")]
    assert shown == pytest.approx([first[0], first[-1]], rel=0.01)


def test_what_enters_is_read_where_it_enters() -> None:
    """Noise that the loop adds is seen in training; in use it is there in the broken run alone."""
    case = get_case("augmentation-left-on")
    clean = measure(case.fixed, 2000)
    noisy = measure(case.broken, 2000)
    for sheet in (clean, noisy):
        assert sheet.number("spread_middle_training") > 3 * sheet.number("spread_middle_validation")
    assert clean.number("changed") == 0
    assert noisy.number("changed") > 0.2
    assert noisy.number("spread_middle_use") > 3 * clean.number("spread_middle_use")


@pytest.mark.parametrize("readings", [15, 60, 61, 119, 200, 5390])
def test_points_stand_evenly_whatever_the_number_of_steps(readings: int) -> None:
    """A straight line stays one."""
    points = thinned(np.arange(readings, dtype=np.float64), np.median)
    assert points.shape == (60,)
    even = np.arange(60) * readings / 60
    assert np.abs(points - even).max() <= max(1, readings / 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", TELLS)
@pytest.mark.parametrize("healthy", [False, True])
def test_a_tell_holds_on_seeds_that_are_not_in_the_pool(name: str, healthy: bool) -> None:
    order = next(order for order in orders([name]) if order.healthy == healthy)
    assert TELLS[name].met(measure(order.recipe, 41_000 + healthy)) is not healthy


def test_three_digits_are_kept_and_what_is_not_a_number() -> None:
    values = rounded(np.array([1.23456, -6.54321e-9, np.inf, np.nan, 0.0]))
    assert values[:2].tolist() == pytest.approx([1.23, -6.54e-9])
    assert values[2] == np.inf
    assert np.isnan(values[3])
    assert values[4] == 0
