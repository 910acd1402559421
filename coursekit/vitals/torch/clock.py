"""Seconds of a step: between steps, and computing, without what the reading itself takes."""

import math
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import torch

Mark = Literal["forward", "backward", "step", "read", "end"]


class Clock:
    """Splits the time from the end of one step to the end of the next.

    Waiting is the time outside of forward, backward and step: for the data loader, but also
    whatever else the loop does there, such as a validation. The rest is computing. On the CPU
    both are the host's seconds. On CUDA the host runs ahead of the device, so computing is the
    device's own time from the first forward pass to the end of the step, by events on its
    stream; it is known after the transfer of the reading, which waits for them. What the reading
    itself does just before the step is left out.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._events = device, device.type == "cuda"
        self._began: torch.cuda.Event | None = None
        self._ended: torch.cuda.Event | None = None
        self.restart()

    def restart(self) -> None:
        """A step has ended: from here on the loop waits for its next batch."""
        self._start = perf_counter()
        self._marks: list[tuple[Mark, float]] = []

    def mark(self, what: Mark) -> None:
        """A forward pass begins, a backward pass has ended, the step begins, has been read, ends.

        Little more than a look at the clock, for it runs several times in each step that is read.
        """
        self._marks.append((what, perf_counter()))
        if self._events and what in ("forward", "end"):
            self._mark_device(what)

    def lap(self) -> "Lap":
        """What was marked since the last `restart`, to be worked out later."""
        return Lap(start=self._start, marks=self._marks, began=self._began, ended=self._ended)

    def _mark_device(self, what: Mark) -> None:
        """Put an event on the device's stream, at the first forward pass and at the end."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))
        if what == "end":
            self._ended = event
        elif [mark for mark, _ in self._marks].count("forward") == 1:
            self._began = event


@dataclass(frozen=True, kw_only=True)
class Lap:
    """The marks of one step.

    Attributes:
        start: When the step before it had ended, in seconds of ``time.perf_counter``.
        marks: What was marked, and when.
        began: On CUDA, where the first forward pass began.
        ended: On CUDA, where the step ended.
    """

    start: float
    marks: list[tuple[Mark, float]]
    began: torch.cuda.Event | None
    ended: torch.cuda.Event | None

    def seconds(self) -> tuple[float, float]:
        """Seconds waited and computed; NaN where no forward pass was seen."""
        waited, computed, last, busy, passes = 0.0, 0.0, self.start, False, 0
        for what, now in self.marks:
            passes += what == "forward"
            if what == "forward" and not busy:
                waited += now - last
            elif what != "read":
                computed += now - last
            busy = what in ("forward", "step")
            last = now
        if not passes:
            return math.nan, math.nan
        if self.began is not None and self.ended is not None:
            return waited, self.began.elapsed_time(self.ended) / 1e3
        return waited, computed
