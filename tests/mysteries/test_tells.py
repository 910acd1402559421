"""What is shown decides, and what is shown decides alone: oracles over every stored run."""

import pytest

from coursekit.cases import CASES
from coursekit.errors import BadInputError, UnknownNameError
from coursekit.mysteries.causes import CAUSES, LESSONS, distance, may_stand_beside, words_of
from coursekit.mysteries.drawing import possible
from coursekit.mysteries.pool import Opened, stored
from coursekit.mysteries.scope import up_to
from coursekit.mysteries.tells import TELLS

IN_CATALOGUE = {case.name: case for case in CASES}
every_case = pytest.mark.parametrize("name", TELLS)


def of_case(name: str, *, healthy: bool) -> list[Opened]:
    return [run for run in stored() if run.case == name and run.healthy == healthy]


@every_case
def test_as_many_broken_as_healthy_runs_are_there(name: str) -> None:
    each = 8 if name == "unscaled-features" else 2  # lesson 01 has no other
    assert [len(of_case(name, healthy=kind)) for kind in (False, True)] == [each, each]


@every_case
def test_the_deciding_reading_tells_each_broken_run_from_its_healthy_ones(name: str) -> None:
    """The oracle: one number of the sheet, and one limit."""
    for kind in (False, True):
        for run in of_case(name, healthy=kind):
            assert TELLS[name].met(stored().sheet(run.name)) is not kind, run


@every_case
def test_broken_lie_clearly_apart_from_healthy(name: str) -> None:
    """Not by a hair: a learner reads off two digits."""
    reading = TELLS[name].reading
    broken, healthy = (
        [reading.of(stored().sheet(run.name)) for run in of_case(name, healthy=kind)]
        for kind in (False, True)
    )
    low, high = sorted((broken, healthy), key=max)
    assert min(high) > 1.4 * max(low) + 1e-6 or max(low) < 0 < min(high)


@pytest.mark.parametrize("run", tuple(stored()), ids=lambda run: run.name)
def test_no_other_answer_that_may_stand_beside_is_told_too(run: Opened) -> None:
    """A wrong option is wrong by its own deciding measurement, in every run beside which it may
    be offered.
    """
    sheet = stored().sheet(run.name)
    for tell in TELLS.values():
        beside = may_stand_beside(CAUSES[run.cause], CAUSES[tell.cause])
        if beside and possible(tell.cause, sheet):
            assert not tell.met(sheet), (run, tell.case)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_taught_where_the_catalogue_first_has_it(cause: str) -> None:
    lessons = [IN_CATALOGUE[name].lesson for name, tell in TELLS.items() if tell.cause == cause]
    number, _, title = min(lessons).partition("_")
    assert CAUSES[cause].lesson == number
    assert LESSONS[number] == title.replace("_", " ")


def test_there_are_enough_cases_and_every_cause_has_one() -> None:
    assert len(TELLS) >= 25
    assert {tell.cause for tell in TELLS.values()} == set(CAUSES)
    for lesson in ("02", "03", "04", "05", "06", "08", "10"):
        assert sum(cause.lesson == lesson for cause in CAUSES.values()) >= 3


@every_case
def test_words_say_no_number_that_nobody_computes(name: str) -> None:
    assert not any(letter.isdigit() and letter not in "01" for letter in TELLS[name].why)


def test_words_differ_from_cause_to_cause() -> None:
    assert len({cause.words for cause in CAUSES.values()}) == len(CAUSES)


def test_what_stands_apart_does_so_both_ways() -> None:
    for one in CAUSES.values():
        assert set(one.apart) <= set(CAUSES)
        for other in CAUSES.values():
            assert may_stand_beside(one, other) == may_stand_beside(other, one)


def test_causes_that_look_alike_are_near() -> None:
    assert distance(CAUSES["step-missing"], CAUSES["noise-in-use"]) == 0
    assert distance(CAUSES["step-missing"], CAUSES["rate-too-low"]) > 0


def test_lessons_go_up_to_the_one_named() -> None:
    assert up_to("02") == tuple(n for n, cause in CAUSES.items() if cause.lesson in ("01", "02"))
    assert up_to(None) == up_to("99") == tuple(CAUSES)


@pytest.mark.parametrize("lesson", ["2", "two", "00", 2, "02_mismatched"])
def test_a_lesson_that_is_not_two_digits_is_refused(lesson: object) -> None:
    with pytest.raises(BadInputError, match="Give its two digits as text"):
        up_to(lesson)


def test_an_unknown_answer_has_no_words() -> None:
    with pytest.raises(
        UnknownNameError, match=r"No cause 'rate-low'\. Did you mean 'rate-too-low'"
    ):
        words_of("rate-low")
