"""How far many runs are: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO, final

from tqdm import tqdm

EVERY_S = 30.0


@final
class Progress:
    """Counts runs on stderr.

    Args:
        total: How many runs there will be.
        stream: Where it says so; None is stderr.
        clock: Seconds, for the tests.
    """

    def __init__(
        self,
        total: int,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._began = self._said = clock()
        self._done = 0
        self._total = total
        self._bar = tqdm(total=total, unit="run", disable=None, leave=False, file=self._stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def step(self, what: str) -> None:
        """One run more, of what the words say."""
        self._done += 1
        if not self._bar.disable:
            self._bar.set_postfix_str(what, refresh=False)
            self._bar.update()
            return
        now = self._clock()
        if now - self._said >= EVERY_S:
            self._said = now
            line = f"{self._done} of {self._total} runs, {now - self._began:.0f} s: {what}"
            print(line, file=self._stream, flush=True)
