"""A folder of rows, one file a case, written while the runs are made."""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

from coursekit.evidence.rows import Framework, Row, read, write

FLUSH_S = 2.0


@final
class Store:
    """Keeps rows as they come; what a run of `verify` finds there it does not make again.

    A file is written whole at most every two seconds, and at the end or at an interrupt: a
    process that is killed loses those two seconds.

    Args:
        folder: Where the files lie; None keeps nothing.
        clock: Seconds, for the tests.
    """

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._rows: dict[str, dict[tuple[Any, ...], Row]] = {}
        self._unwritten: set[str] = set()
        self._written_at = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()

    def of(self, case: str) -> list[Row]:
        """The rows of a case: stored ones, and those that came since."""
        return list(self._table(case).values())

    def keep_only(self, case: str, recipes: Collection[tuple[Framework, str]]) -> None:
        """Drop the rows of recipes that the case no longer has."""
        table = self._table(case)
        gone = [key for key, row in table.items() if (row.framework, row.recipe) not in recipes]
        for key in gone:
            del table[key]
            self._unwritten.add(case)

    def add(self, row: Row) -> None:
        """Keep a row in place of an older one of the same run."""
        table = self._table(row.case)
        key = _key(row)
        if table.get(key) == row:
            return
        table[key] = row
        self._unwritten.add(row.case)
        if self._clock() - self._written_at >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what has not been written."""
        if self._folder is not None:
            for case in sorted(self._unwritten):
                write(self._folder / f"{case}.jsonl", self._rows[case].values())
        self._unwritten.clear()
        self._written_at = self._clock()

    def _table(self, case: str) -> dict[tuple[Any, ...], Row]:
        """The rows of a case by run, read from its file the first time."""
        if case not in self._rows:
            stored = read(self._folder / f"{case}.jsonl") if self._folder else []
            self._rows[case] = {_key(row): row for row in stored}
        return self._rows[case]


def _key(row: Row) -> tuple[Any, ...]:
    """What makes a newer row replace an older one."""
    return (row.framework, row.threads, row.recipe, row.seed)
