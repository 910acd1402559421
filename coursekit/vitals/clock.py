"""Seconds of a step: between steps, and computing, without what the reading itself takes."""

import math
from time import perf_counter

import torch


class Clock:
    """Splits the time from the end of one step to the end of the next.

    ``waited_s`` is the time outside of forward, backward and step: waiting for the data loader,
    but also whatever else the loop does there, such as a validation. ``computed_s`` is the
    rest. On the CPU both are the host's seconds. On CUDA the host runs ahead of the device, so
    ``computed_s`` is the device's own time from the first forward pass to the end of the step,
    by events on its stream; it is known after the transfer of the reading, which waits for them.
    What the reading itself does before the step is left out (`discount`).
    """

    def __init__(self, device: torch.device) -> None:
        self._events = device.type == "cuda"
        self._began: torch.cuda.Event | None = None
        self._ended: torch.cuda.Event | None = None
        self.restart()

    def restart(self) -> None:
        """A step has ended: from here on the loop waits for its next batch."""
        self._last = perf_counter()
        self._own = self._waited = self._computed = 0.0
        self._busy = self._passed = False

    def computing(self) -> None:
        """A forward pass begins."""
        if self._events and not self._passed:
            self._began = _marked()
        if not self._busy:
            self._waited += self._lap()
        self._busy = self._passed = True

    def waiting(self) -> None:
        """A backward pass has ended: the next batch is waited for, or the step follows."""
        if self._busy:
            self._computed += self._lap()
            self._busy = False

    def stepping(self) -> None:
        """The optimizer's step begins: what came since the last backward was no waiting."""
        if not self._busy:
            self._computed += self._lap()
            self._busy = True

    def stop(self) -> None:
        """The step has ended."""
        if self._busy:
            self._computed += self._lap()
        if self._events:
            self._ended = _marked()

    def read(self) -> tuple[float, float]:
        """Seconds waited and computed; NaN where no forward pass was seen."""
        if not self._passed:
            return math.nan, math.nan
        if self._began is not None and self._ended is not None:
            return self._waited, self._began.elapsed_time(self._ended) / 1e3
        return self._waited, self._computed

    def discount(self, seconds: float) -> None:
        """Leave these seconds out of the lap that runs."""
        self._own += seconds

    def _lap(self) -> float:
        """Seconds since the last lap, without the reading's own."""
        now = perf_counter()
        lap = max(0.0, now - self._last - self._own)
        self._last, self._own = now, 0.0
        return lap


def _marked() -> torch.cuda.Event:
    """An event on the current stream."""
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event
