"""One half before a course and the other after it: the same questions, and no run twice."""

from collections import Counter

import pytest

from coursekit.errors import BadInputError
from coursekit.mysteries import Mystery, Plan, draw, judge
from coursekit.mysteries.causes import LESSONS
from coursekit.mysteries.halves import HALVES, within
from coursekit.mysteries.pool import Opened, stored

SEEDS = range(20)
SCOPES: tuple[dict[str, str], ...] = (
    {}, *({"lessons": lesson} for lesson in LESSONS),
    *({"only": only} for only in ("01", "02", "13", "01,04", "01,02,03", "01,03,04,05,06")),
)  # fmt: skip


def both(seed: int, scope: dict[str, str], count: int = 10) -> list[tuple[Mystery, ...]]:
    return [draw(Plan(seed=seed, count=count, half=half, **scope)) for half in HALVES]


def opened(mysteries: tuple[Mystery, ...]) -> list[Opened]:
    return [stored().opened(one.name) for one in mysteries]


def shown(mysteries: tuple[Mystery, ...]) -> set[bytes]:
    """Every run that somebody sees who answers all of them, those set beside included."""
    sheets = [one.sheet for one in mysteries]
    sheets += [judge(one, letter).beside for one in mysteries for letter in one.options]
    return {sheet.curves.tobytes() + sheet.numbers.tobytes() for sheet in sheets}


def test_the_halves_share_no_run_and_hold_as_many_of_each_case() -> None:
    first, second = (within(stored(), half) for half in HALVES)
    assert not {run.name for run in first} & {run.name for run in second}
    assert len(first) + len(second) == len(stored().names)
    kinds = [Counter((run.case, run.healthy) for run in half) for half in (first, second)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_what_is_seen_in_one_is_not_seen_in_the_other(scope: dict[str, str]) -> None:
    """Whatever the seeds: somebody may take another one."""
    seen = [set[bytes](), set[bytes]()]
    for seed in SEEDS:
        for half, mysteries in zip(seen, both(seed, scope), strict=True):
            half |= shown(mysteries)
    assert not seen[0] & seen[1]


@pytest.mark.parametrize("count", [5, 6, 10])
@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_a_seed_asks_in_both_about_the_same_with_as_many_healthy(
    scope: dict[str, str], count: int
) -> None:
    for seed in SEEDS:
        first, second = map(opened, both(seed, scope, count))
        kinds = [Counter((run.case, run.healthy) for run in runs) for runs in (first, second)]
        assert kinds[0] == kinds[1]


def test_the_second_quiz_has_an_order_and_letters_of_its_own() -> None:
    """Who remembers that the third one was healthy gains nothing."""
    same_place = 0
    for seed in SEEDS:
        first, second = map(opened, both(seed, {}))
        same_place += sum(one.case == other.case for one, other in zip(first, second, strict=True))
    assert same_place < 2 * len(SEEDS)  # one in ten by chance


def test_every_run_of_a_half_is_drawn_sooner_or_later() -> None:
    for half in HALVES:
        names = {one.name for seed in range(200) for one in draw(Plan(seed=seed, half=half))}
        assert len(names) > 0.99 * len(within(stored(), half))


def test_without_a_half_a_seed_gives_what_it_always_gave() -> None:
    """A class has its seeds written down. After ``tools/build_mysteries.py`` the names change."""
    assert [one.name for one in draw(Plan(seed=11))] == [
        "c19780", "b05f3f", "8e9903", "aef376", "37c38e",
        "92e146", "b83b51", "e0152c", "d58674", "5e709b",
    ]  # fmt: skip
    assert [one.name for one in draw(Plan(seed=11, lessons="03"))] == [
        "97c543", "ac57b3", "f54c01", "6370ad", "b51ff0",
        "9acdf5", "35b6a6", "030099", "3562eb", "18df72",
    ]  # fmt: skip


@pytest.mark.parametrize("half", ["C", "a", "", 1, True])
def test_a_bad_half_is_refused(half: object) -> None:
    with pytest.raises(BadInputError, match=r"Give A or B, or leave it out for all runs\."):
        Plan(seed=1, half=half)
