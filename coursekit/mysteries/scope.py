"""Which causes a quiz asks about: those of all lessons, of the first ones, or of a few alone."""

from coursekit.errors import BadInputError
from coursekit.mysteries.causes import CAUSES, LESSONS


def up_to(lesson: str | None) -> tuple[str, ...]:
    """Names of the causes that are taught up to a lesson; all of them for None.

    Raises:
        BadInputError: It is not the two digits of a lesson.

    >>> up_to("01")
    ('columns-unscaled',)
    """
    if lesson is None:
        return tuple(CAUSES)
    if not (isinstance(lesson, str) and len(lesson) == 2 and lesson.isdecimal() and lesson > "00"):
        raise BadInputError(
            f'The lesson is {lesson!r}. Give its two digits as text, such as lessons="02"; '
            "there are mystery runs from lesson 01 on."
        )
    return tuple(cause.name for cause in CAUSES.values() if cause.lesson <= lesson)


def of_these(lessons: str) -> tuple[str, ...]:
    """Names of the causes that some lessons teach, and no other one.

    Raises:
        BadInputError: One of them has no mystery runs, or is no lesson.

    >>> of_these("04, 01")
    ('columns-unscaled', 'units-saturated', 'gradient-vanishes', 'weights-zero')
    """
    named = numbers(lessons)
    return tuple(cause.name for cause in CAUSES.values() if cause.lesson in named)


def numbers(lessons: str) -> tuple[str, ...]:
    """Lessons as they were typed, each once, in rising order.

    Raises:
        BadInputError: One of them has no mystery runs, or is no lesson.

    >>> numbers("04, 01")
    ('01', '04')
    """
    named = [part.strip() for part in lessons.split(",")] if isinstance(lessons, str) else [lessons]
    strangers = [each for each in named if each not in tuple(LESSONS)]
    if strangers:
        raise BadInputError(
            f'There are no mystery runs of lesson {strangers[0]!r}. Give lessons such as "01,04", '
            f"from these: {', '.join(LESSONS)}."
        )
    return tuple(sorted(set(named)))
