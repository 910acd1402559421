"""What a run shows while it goes: a bar, a line now and then, or nothing."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from tqdm.auto import tqdm

from coursekit.errors import in_notebook

Count = Callable[[int], object]

LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.5


class Progress:
    """A bar where somebody looks, plain lines in the log of a CI job, nothing elsewhere.

    Args:
        epochs: Epochs of the whole run.
        shown: True shows it in any case, False never; None where somebody looks (a terminal or a
            notebook) or the environment variable ``CI`` is set.
    """

    def __init__(self, epochs: int, *, shown: bool | None) -> None:
        self._epochs, self._epoch = epochs, 0
        self._begin = time.monotonic()
        looks, logs = someone_looks(), _ci()
        wanted = (looks or logs) if shown is None else shown
        as_lines = logs and not looks
        self._as_bar = wanted and not as_lines
        self._bar: Any = None
        self._every = BAR_EVERY_S if self._as_bar else LINE_EVERY_S
        self._wanted, self._next = wanted, self._begin + self._every
        self._last: tuple[int, float] | None = None

    def __enter__(self) -> Self:
        if self._as_bar:
            self._bar = tqdm(total=self._epochs, desc="epochs")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._bar is not None:
            if self._last is not None:
                self._show(*self._last)
            self._bar.close()

    def epochs(self, done: int, *, over: Callable[[], bool]) -> Iterator[int]:
        """Count the epochs from `done` on, until all are made or `over` says so."""
        self._move(done)
        while self._epoch < self._epochs and not over():
            yield self._epoch
            self._move(1)

    def after_update(self, updates: int, loss: float) -> None:
        """Show where the run is, if the last time is long enough ago.

        Args:
            updates: Updates made so far.
            loss: The training loss as last known.
        """
        self._last = updates, loss
        if not self._wanted or (now := time.monotonic()) < self._next:
            return
        self._next = now + self._every
        if self._bar is not None:
            self._show(updates, loss)
        else:
            print(
                f"epoch {self._epoch + 1} of {self._epochs}, step {updates}, loss {loss:.4g}, "
                f"{now - self._begin:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    def _show(self, updates: int, loss: float) -> None:
        """Write them behind the bar."""
        self._bar.set_postfix(step=updates, loss=f"{loss:.4g}")

    def _move(self, epochs: int) -> None:
        """Count epochs that are made."""
        self._epoch += epochs
        if self._bar is not None:
            self._bar.update(epochs)


@contextmanager
def counting(
    what: str, *, unit: str, shown: bool | None, total: int | None = None, delay_s: float = 0.0
) -> Iterator[Count]:
    """Count something behind a bar, where somebody looks or if `shown` says so.

    Args:
        what: Before the bar.
        unit: What is counted.
        shown: As of `Progress`, but that None shows nothing in the log of a CI job.
        total: How many there will be, if that is known; then the bar stays at the end.
        delay_s: No bar before that.
    """
    wanted = someone_looks() if shown is None else shown
    stays = total is not None
    with tqdm(
        total=total, desc=what, unit=unit, disable=not wanted, delay=delay_s, leave=stays
    ) as bar:
        yield bar.update


def someone_looks() -> bool:
    """Whether this is a terminal or a notebook."""
    return in_notebook() or sys.stderr.isatty()


def _ci() -> bool:
    """Whether this is a job of a CI service: all of them set this variable."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
