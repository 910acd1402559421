"""Two halves of the stored runs, for a quiz before a course and one after it: none is in both."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, get_args

from coursekit.mysteries.pool import Opened

Half = Literal["A", "B"]
HALVES: tuple[Half, ...] = get_args(Half)


def within(runs: Iterable[Opened], half: Half | None) -> tuple[Opened, ...]:
    """The runs of one half; all of them for None.

    Each half holds as many broken and as many healthy runs of every case as the other. Names say
    nothing, so their order deals them out as a lot would.

    >>> from coursekit.mysteries.pool import stored
    >>> first, second = (within(stored(), half) for half in HALVES)
    >>> len(first) == len(second) == len(stored().names) / 2
    True
    """
    if half is None:
        return tuple(runs)
    seen: Counter[tuple[str, bool]] = Counter()
    kept = []
    for run in sorted(runs, key=lambda run: run.name):
        kind = (run.case, run.healthy)
        if HALVES[seen[kind] % len(HALVES)] == half:
            kept.append(run)
        seen[kind] += 1
    return tuple(kept)
