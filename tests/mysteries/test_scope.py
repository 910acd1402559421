"""Which lessons a quiz asks about, and what is said where they cannot be used."""

import pytest

from coursekit.errors import BadInputError
from coursekit.mysteries import Plan, draw
from coursekit.mysteries.causes import CAUSES, HEALTHY_WORDS
from coursekit.mysteries.pool import stored

BY_WORDS = {cause.words: cause for cause in CAUSES.values()}


@pytest.mark.parametrize("only", ["01,04", "03", "01,03,04,05,06"])
def test_some_lessons_alone_are_asked_about_and_offered(only: str) -> None:
    wanted = set(only.split(","))
    for seed in range(20):
        mysteries = draw(Plan(seed=seed, only=only))
        asked = {CAUSES[stored().opened(one.name).cause].lesson for one in mysteries}
        assert asked <= wanted
        for one in mysteries:
            *causes, healthy = one.options.values()
            assert healthy == HEALTHY_WORDS
            assert {BY_WORDS[words].lesson for words in causes} <= wanted


def test_every_lesson_that_is_named_comes_up_in_ten_runs() -> None:
    for seed in range(20):
        names = [one.name for one in draw(Plan(seed=seed, only="01,04"))]
        lessons = {CAUSES[stored().opened(name).cause].lesson for name in names}
        assert lessons == {"01", "04"}


def test_neither_order_nor_blanks_nor_repetition_matter() -> None:
    one, *others = (
        [each.name for each in draw(Plan(seed=5, only=only))]
        for only in ("01,04", "04, 01", " 01 ,04,04")
    )
    assert all(other == one for other in others)


@pytest.mark.parametrize("only", ["", "1", "07", "14", "01;04", "01,", "01-04", 4, ["01"], ("01",)])
def test_lessons_without_runs_are_refused(only: object) -> None:
    with pytest.raises(BadInputError, match=r'Give lessons such as "01,04", from these: 01, 02, '):
        Plan(seed=1, only=only)


def test_up_to_a_lesson_and_some_alone_cannot_both_be_given() -> None:
    with pytest.raises(BadInputError, match=r"up to lesson 03, and lessons 01,04 alone\. Leave"):
        Plan(seed=1, lessons="03", only="01,04")
