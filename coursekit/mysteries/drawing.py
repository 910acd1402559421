"""Which runs are asked, in which order, beside which other answers: all of it from a seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, cycle

from coursekit.errors import BadInputError
from coursekit.mysteries.causes import CAUSES, HEALTHY, distance, may_stand_beside, words_of
from coursekit.mysteries.halves import HALVES, Half, within
from coursekit.mysteries.pool import Opened, Pool, stored
from coursekit.mysteries.scope import numbers, of_these, up_to
from coursekit.mysteries.seals import lot
from coursekit.mysteries.sheet import Sheet
from coursekit.records import Record

LETTERS = "ABCDE"  # one cause, three others, and healthy
MOST_COUNT = 50
SEEDS = range(2**31)
LEAST_PIXELS = 48  # no table of the course has so many columns
CHANNELS = 3
HEALTHY_TENTHS = (2, 3, 4)  # so many of ten are healthy: counting does not give the last one away


@dataclass(frozen=True, kw_only=True, eq=False)
class Mystery:
    """One unlabelled run, and the answers to choose from.

    Attributes:
        name: Its name in the pool; it says nothing.
        number: Its place in the quiz, from 1.
        of: How many there are in the quiz.
        options: Letter to what a learner reads; healthy is the last one.
        sheet: What is shown.
        half: The half that it was drawn from; None where all runs were asked for.
    """

    name: str
    number: int
    of: int
    options: Mapping[str, str]
    sheet: Sheet = field(repr=False)
    half: Half | None = None

    @property
    def record(self) -> Record:
        """The curves as a record, for `coursekit.plots` and your own code."""
        return self.sheet.record()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was asked for, checked.

    Attributes:
        seed: Sets everything: the runs, their order and the answers beside each.
        count: How many runs; fewer where there are not as many.
        lessons: Up to which lesson, two digits; None for all.
        only: Which lessons alone, ``"01,04"``; None for all.
        half: One half of the stored runs, which shares none with the other; None for all.
    """

    seed: int
    count: int = 10
    lessons: str | None = None
    only: str | None = None
    half: Half | None = None

    def __post_init__(self) -> None:
        if type(self.seed) is not int or self.seed not in SEEDS:
            raise BadInputError(
                f"The seed is {self.seed!r}. Give a whole number from 0 to {SEEDS[-1]}."
            )
        if type(self.count) is not int or not 1 <= self.count <= MOST_COUNT:
            raise BadInputError(
                f"The count is {self.count!r}. Give a whole number from 1 to {MOST_COUNT}."
            )
        if self.half not in (None, *HALVES):
            raise BadInputError(
                f"The half is {self.half!r}. Give A or B, or leave it out for all runs."
            )
        if self.lessons is not None and self.only is not None:
            raise BadInputError(
                f"Both are given: up to lesson {self.lessons}, and lessons {self.only} alone. "
                "Leave one of them out."
            )
        _ = self.causes

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of the causes that it asks about."""
        return up_to(self.lessons) if self.only is None else of_these(self.only)

    @property
    def scope(self) -> str:
        """Which lessons it asks about, in a few words.

        >>> Plan(seed=1).scope, Plan(seed=1, lessons="03").scope, Plan(seed=1, only="04,01").scope
        ('all lessons', 'up to 03', 'lessons 01+04')
        """
        if self.only is not None:
            return f"lessons {'+'.join(numbers(self.only))}"
        return "all lessons" if self.lessons is None else f"up to {self.lessons}"

    @property
    def key(self) -> tuple[int, str]:
        """What every lot is drawn by: with one seed, each lesson's quiz has runs of its own."""
        named = ",".join(numbers(self.only)) if self.only is not None else self.lessons or ""
        return self.seed, named


def draw(plan: Plan, *, pool: Pool | None = None) -> tuple[Mystery, ...]:
    """Draw the runs of a quiz: the same plan gives the same quiz, on every machine.

    Causes come in turn, so that few come twice; up to a lesson, every second one is of that lesson.
    With one seed the two halves are of the same cases, each healthy in both or in neither.

    Args:
        plan: How many, from which lessons, by which seed.
        pool: Where to draw from; None takes the stored runs.

    >>> [one.name for one in draw(Plan(seed=1, count=3))] == [
    ...     one.name for one in draw(Plan(seed=1, count=3))
    ... ]
    True
    """
    pool = stored() if pool is None else pool
    causes = plan.causes
    runs = [run for run in within(pool, plan.half) if run.cause in causes]
    chosen = _chosen(plan, runs, causes)
    return tuple(
        Mystery(
            name=run.name,
            number=number,
            of=len(chosen),
            options=dict(zip(LETTERS, map(words_of, answers), strict=False)),
            sheet=sheet,
            half=plan.half,
        )
        for number, run in enumerate(chosen, start=1)
        for sheet in [pool.sheet(run.name)]
        for answers in [_answers(plan, run, causes, sheet)]
    )


def _chosen(plan: Plan, runs: Sequence[Opened], causes: Sequence[str]) -> list[Opened]:
    """The runs, in order."""
    left = sorted(runs, key=lambda run: _place(plan, run))
    count = min(plan.count, len(left))
    turns = _turns(plan, causes)
    chosen: list[Opened] = []
    for healthy in _which_are_healthy(plan.key, count):
        run = _next(left, turns, healthy=healthy, causes=len(causes))
        left.remove(run)
        chosen.append(run)
    return sorted(chosen, key=lambda run: lot(*plan.key, "order", run.name))


def _place(plan: Plan, run: Opened) -> tuple[bytes, ...]:
    """Where a run stands among those to draw from; in both halves, cases stand in one order."""
    own = lot(*plan.key, "run", run.name)
    return (own,) if plan.half is None else (lot(*plan.key, "case", run.case), own)


def _turns(plan: Plan, causes: Sequence[str]) -> Iterator[str]:
    """The causes, over and over; every second one of the last lesson asked for, if one is named."""
    order = sorted(causes, key=lambda cause: lot(*plan.key, "cause", cause))
    newest = [cause for cause in order if CAUSES[cause].lesson == plan.lessons]
    older = [cause for cause in order if cause not in newest]
    if not (newest and older):
        return cycle(order)
    return chain.from_iterable(zip(cycle(newest), cycle(older), strict=False))


def _which_are_healthy(key: tuple[int, str], count: int) -> list[bool]:
    """Some of the places, drawn by lot."""
    tenths = min(HEALTHY_TENTHS, key=lambda tenths: lot(*key, "tenths", tenths))
    places = sorted(range(count), key=lambda place: lot(*key, "place", place))
    healthy = set(places[: round(count * tenths / 10)])
    return [place in healthy for place in range(count)]


def _next(left: Sequence[Opened], turns: Iterator[str], *, healthy: bool, causes: int) -> Opened:
    """The next run of the wanted kind whose cause is in turn; any run where none is left."""
    for _ in range(2 * causes):  # so each of them comes up
        cause = next(turns)
        for run in left:
            if run.cause == cause and run.healthy == healthy:
                return run
    return left[0]


def possible(cause: str, sheet: Sheet) -> bool:
    """Whether the rows of a run are such that the cause could be there: no colours in a table."""
    classes, columns = sheet.number("classes"), sheet.number("columns")
    picture = columns >= LEAST_PIXELS
    there = {
        "": True,
        "classes": classes > 0,
        "number": classes == 0,
        "pictures": picture,
        "colour": picture and columns % CHANNELS == 0,
    }
    return there[CAUSES[cause].asks]


def _answers(plan: Plan, run: Opened, causes: Sequence[str], sheet: Sheet) -> list[str]:
    """The answers beside a run, in the order of their letters.

    They depend on its case and on what enters, not on whether it is healthy: the list gives nothing
    away.
    """
    own = CAUSES[run.cause]
    others = sorted(
        (CAUSES[name] for name in causes),
        key=lambda other: (
            not possible(other.name, sheet),  # only where few lessons have few causes
            distance(own, other),
            lot(*plan.key, "beside", run.name, other.name),
        ),
    )
    beside = [own]
    for other in others:
        if len(beside) < len(LETTERS) - 1 and all(may_stand_beside(other, one) for one in beside):
            beside.append(other)
    names = sorted(
        (cause.name for cause in beside), key=lambda name: lot(*plan.key, "letter", run.name, name)
    )
    return [*names, HEALTHY]
