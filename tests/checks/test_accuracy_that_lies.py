"""What is special to exercise 09; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from coursekit.checks import CheckFailed
from coursekit.checks import accuracy_that_lies as checks
from coursekit.checks.accuracy_that_lies.cheapest import Price, prices
from coursekit.checks.accuracy_that_lies.diagnose import LIMITS
from coursekit.checks.accuracy_that_lies.in_use import questions
from coursekit.checks.accuracy_that_lies.rankings import Ranking, sure, twelve, unsure
from coursekit.checks.accuracy_that_lies.runs import CAUSES, HEALTHY, Run, read
from coursekit.checks.accuracy_that_lies.weigh import Weighed, tables


@pytest.fixture(scope="module")
def experiment(solutions: Callable[[str], dict[str, Any]]) -> Callable[..., Any]:
    script: Callable[..., Any] = solutions("accuracy_that_lies")["experiment"]
    return script


@pytest.fixture(scope="module")
def healed(experiment: Callable[..., Any]) -> Run:
    return read(experiment(3, mix=True))


def letters(run: Run) -> list[str]:
    return [letter for letter, cause in CAUSES.items() if cause.holds(run)]


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("accuracy_that_lies")
    assert f"to at least {HEALTHY}," in text
    assert f"at most {LIMITS['epochs'][1]}" in text


def test_the_script_as_given_has_one_cause_and_healed_none(
    experiment: Callable[..., Any], healed: Run
) -> None:
    given = read(experiment(3))
    assert letters(given) == ["F"]
    assert given.missing == (7, 8, 9)
    assert letters(healed) == ["G"]
    assert healed.missing == ()


def test_the_colleague_s_change_hides_the_cause(experiment: Callable[..., Any]) -> None:
    run = read(experiment(3, limit=900))
    assert run.accuracy >= HEALTHY
    assert run.missing == (9,)


@pytest.mark.parametrize(
    ("letter", "spoil"),
    [
        ("A", lambda run: {"rows": run.rows * np.r_[np.ones(20), 1000, np.ones(43)]}),
        ("B", lambda _: {"learnt": 0.5}),
        ("C", lambda _: {"one_class": 0.95}),
        ("D", lambda _: {"on_seen": 0.5}),
        ("E", lambda run: {"labels": np.append(np.repeat(run.labels, 9), 10)}),
        ("F", lambda _: {"missing": (9,)}),
    ],
)
def test_each_cause_is_told_from_a_healthy_run(
    letter: str, spoil: Callable[[Run], dict[str, Any]], healed: Run
) -> None:
    assert letter in letters(replace(healed, **spoil(healed)))
    assert letter not in letters(healed)


def test_batches_of_one_class_are_noticed(experiment: Callable[..., Any]) -> None:
    assert CAUSES["C"].holds(read(experiment(3, shuffle=False, epochs=1)))


def test_few_rows_of_each_class_are_noticed(experiment: Callable[..., Any]) -> None:
    assert CAUSES["D"].holds(read(experiment(3, mix=True, limit=32, epochs=30)))


@pytest.mark.parametrize("letter", CAUSES)
def test_each_measurement_is_a_plain_number_in_a_sentence(letter: str, healed: Run) -> None:
    text = CAUSES[letter].measured(healed)
    assert any(sign.isdigit() for sign in text)
    assert "nan" not in text


def test_a_script_that_returns_something_else() -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("F", {}), lambda seed: seed)


def test_weights_by_hand() -> None:
    """970 and 10 rows: each class has half of 980, so 980 / 2 / 970 and 980 / 2 / 10."""
    weights = np.array([980 / 1940, 49.0])
    one = Weighed(table=tables()[0], weights=weights, altered=False)
    assert one.sums == pytest.approx({0: 490, 1: 490})
    assert one.mean == pytest.approx(1)


def test_counts_that_end_with_the_last_class_in_use_are_told_the_shape() -> None:
    with pytest.raises(CheckFailed, match=r"shape \(3,\); expected numbers of shape \(4,\)"):
        checks.check_weigh(lambda y, _: len(y) / 2 / np.bincount(y).clip(min=1))


@pytest.mark.parametrize(
    ("came", "text"),
    [
        (None, "On one six in a hundred, weigh returned None; expected numbers of shape (2,)."),
        ([1.0], "returned numbers of shape (1,); expected numbers of shape (2,)."),
        ([np.inf, 1], "1 values of 2 that are NaN or infinite"),
    ],
)
def test_weights_that_cannot_be_read(came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        checks.check_weigh(lambda y, classes: came)
    assert text in str(failed.value)


def test_twelve_rows_by_hand() -> None:
    """Four sixes at .9, .8, .4, .2, eight others at .7 and seven times .1.

    Above .5 are two sixes and one other: of 1000 rows with 10 sixes, 5 and 990 / 8 are alarms.
    Above .15 are all sixes and that other: 10 and 990 / 8. Above .7 no other is. Above .3 are
    three sixes and one other: of 1000 rows with 8 sixes, 6 and 992 / 8. Above .95 is none.
    """
    by_hand = [2 / 3, 5 / (5 + 990 / 8), 10 / (10 + 990 / 8), 1, 6 / (6 + 992 / 8), 0]
    found = [one.rows.precision(one.threshold, one.share) for one in questions()[:6]]
    assert found == pytest.approx(by_hand)
    assert [one.rows.recall(one.threshold) for one in questions()[:6]] == [
        0.5,
        0.5,
        1,
        0.5,
        0.75,
        0,
    ]


@pytest.mark.parametrize("rows", [twelve(), unsure(), sure()], ids=lambda rows: rows.name)
def test_precision_at_the_share_of_the_rows_is_that_of_counting(rows: Ranking) -> None:
    for threshold in (0.02, 0.05, 0.09):
        alarms = rows.p > threshold
        counted = rows.y[alarms].mean()
        assert rows.precision(threshold, float(rows.y.mean())) == pytest.approx(counted)


def test_costs_by_hand() -> None:
    """Twelve rows as tested, a miss for 5: at .1 one of eight others is called, and no six missed.

    Of 1000 rows 2/3 are others, an eighth of them costs 1: 83. At .5 half of the sixes, a third
    of all, cost 5 each besides: 833 more.
    """
    price = prices()[0]
    assert price.least() == price.cost(0.1) == pytest.approx(2000 / 3 / 8)
    assert price.cost(0.5) == pytest.approx(2000 / 3 / 8 + 2500 / 3)


@pytest.mark.parametrize("price", prices(), ids=lambda price: price.name)
def test_no_threshold_of_a_fine_grid_is_cheaper(price: Price) -> None:
    grid = [price.cost(at) for at in np.linspace(-0.01, 1.01, 511)]
    assert min(grid) >= price.least() - 1e-9


def test_a_threshold_that_is_nan_calls_no_row() -> None:
    assert prices()[0].rows.recall(np.nan) == prices()[0].rows.false_alarm(np.nan) == 0
    with pytest.raises(CheckFailed, match="at your threshold of nan"):
        checks.check_cheapest(lambda *_: float("nan"))


@pytest.mark.parametrize(
    ("check", "name"),
    [(checks.check_weigh, "weigh"), (checks.check_in_use, "in_use")],
)
def test_an_error_is_theirs_and_names_their_line(check: Any, name: str) -> None:
    def mistaken(*given: Any) -> None:
        given[0].no_such_thing()

    with pytest.raises(CheckFailed, match=rf"{name} raised AttributeError: .*in your code"):
        check(mistaken)
