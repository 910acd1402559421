"""What is special to exercise 07; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from coursekit.checks import CheckFailed
from coursekit.checks import leakage as checks
from coursekit.checks.leakage.diagnose import COPIES, LIMITS, SEEDS
from coursekit.checks.leakage.runs import CAUSES, HONEST, Run, copies, read
from coursekit.checks.leakage.split import LEAST, MOST
from coursekit.checks.leakage.tables import Choice, Family, choices, families


@pytest.fixture(scope="module")
def experiment(solutions: Callable[[str], dict[str, Any]]) -> Callable[..., Any]:
    script: Callable[..., Any] = solutions("leakage")["experiment"]
    return script


@pytest.fixture(scope="module")
def given(experiment: Callable[..., Any]) -> Run:
    return read(experiment(3))


@pytest.fixture(scope="module")
def healed(experiment: Callable[..., Any]) -> Run:
    return read(experiment(3, repeat="training"))


def letters(run: Run) -> list[str]:
    return [letter for letter, cause in CAUSES.items() if cause.holds(run)]


def test_the_text_states_the_limits_that_the_checks_use(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("leakage")
    assert f"at most {LIMITS['epochs'][1]} epochs." in text
    assert f"by no more than {HONEST}, in the mean" in text
    assert "on three seeds that you have not tried" in text
    assert len(SEEDS) == 3
    assert f"between {LEAST} and {MOST} of the rows" in text


def test_the_script_as_given_has_one_cause_and_healed_none(given: Run, healed: Run) -> None:
    assert letters(given) == ["E"]
    assert copies(given) > 2 * COPIES
    assert letters(healed) == ["G"]
    assert copies(healed) == 0


@pytest.mark.parametrize(
    ("letter", "spoil"),
    [
        ("A", lambda run: {"rows": run.rows * np.r_[1000, np.ones(run.rows.shape[1] - 1)]}),
        ("B", lambda run: {"new": run.new + 2}),
        ("C", lambda _: {"learnt": 0.6}),
        ("D", lambda _: {"chosen_alike": 0.8}),
        ("E", lambda run: {"val": run.rows}),
        ("F", lambda run: {"rows": np.c_[run.rows[:, 1:], run.labels]}),
    ],
)
def test_each_cause_is_told_from_a_healthy_run(
    letter: str, spoil: Callable[[Run], dict[str, Any]], healed: Run
) -> None:
    assert letter in letters(replace(healed, **spoil(healed)))
    assert letter not in letters(healed)


def test_columns_chosen_by_other_rows_are_noticed(experiment: Callable[..., Any]) -> None:
    found = experiment(3, repeat="training")
    others = np.setdiff1d(np.arange(27), found["kept"])
    found["kept"] = np.r_[found["kept"][1:], others[:1]]
    assert CAUSES["D"].holds(read(found))


@pytest.mark.parametrize("letter", CAUSES)
def test_each_measurement_is_a_plain_number_in_a_sentence(letter: str, given: Run) -> None:
    text = CAUSES[letter].measured(given)
    assert any(sign.isdigit() for sign in text)
    assert "nan" not in text


def test_a_script_that_returns_something_else() -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("E", {}), lambda seed: seed)


@pytest.mark.parametrize("table", choices(), ids=lambda table: table.name)
def test_planted_columns_separate_the_classes_by_hand(table: Choice) -> None:
    """Means of two of the classes lie at least 4 apart where planted, deviations there are 1."""
    x, y = table.x[table.rows], table.y[table.rows]
    means = np.stack([x[y == label].mean(axis=0) for label in np.unique(y)])
    gaps = np.ptp(means, axis=0) / x[y == 0].std(axis=0)
    assert set(np.flatnonzero(gaps > 2)) == set(table.best)


@pytest.mark.parametrize("table", families(), ids=lambda table: table.name)
def test_families_are_far_apart(table: Family) -> None:
    """120 digits three times, twice 40 chains of 6, 120 digits: by closeness, counted by hand."""
    gaps = np.linalg.norm(table.x[:, None] - table.x[None], axis=2)
    number, family = connected_components(gaps < table.distance)
    assert number == (40 if "chains" in table.name else 120)
    assert gaps[family[:, None] != family[None]].min() > 1.5 * table.distance


@pytest.mark.parametrize(
    ("came", "text"),
    [
        (None, "split returned None; expected two arrays of row numbers."),
        (([0, 1], 2), "On a table with exact copies, split returned an int; expected an array"),
        (([0, 1], [0.5]), "returned numbers that are no rows; rows are 0 to 359."),
        (([0, 1], [360]), "returned numbers that are no rows; rows are 0 to 359."),
    ],
)
def test_a_split_that_cannot_be_read(came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        checks.check_split(lambda x, distance, seed: came)
    assert text in str(failed.value)


def test_a_boolean_mask_is_no_list_of_columns() -> None:
    with pytest.raises(CheckFailed, match=r"numbers of shape \(40,\); expected .* shape \(3,\)"):
        checks.check_choose(lambda x, y, rows, k: np.ones(x.shape[1], bool))
