"""Recordings in several threads at once: each hears its own calls of backward, and no others."""

import sys
import threading
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.records import Record
from coursekit.vitals.torch import record


def build(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A small model and its optimizer."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def in_thread(work: Callable[[], None]) -> threading.Thread:
    """A thread that has begun to work."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_backward_of_another_thread_is_not_heard() -> None:
    """Theirs begins before ours and ends after it, so our gradients come while theirs runs."""
    (ours, optimizer), (theirs, _) = build(0), build(1)
    begun, done = threading.Event(), threading.Event()

    def wait(gradient: Tensor) -> Tensor:
        begun.set()
        assert done.wait(20)
        return gradient

    def their_work() -> None:
        loss = theirs(torch.ones(2, 3)).sum() + 1000
        loss.register_hook(wait)
        loss.backward()

    with record(ours, optimizer, every=1) as vitals:
        thread = in_thread(their_work)
        assert begun.wait(20)
        loss = ours(torch.ones(2, 3)).square().mean()
        loss.backward()
        done.set()
        thread.join()
        optimizer.step()
    assert vitals.record["loss"].values.tolist() == [loss.item()]
    assert not any("more than once" in note for note in vitals.record.notes)


def train(seed: int, steps: int) -> tuple[list[float], Record]:
    """A recorded run, and its losses as the loop saw them."""
    model, optimizer = build(0)
    rows = torch.Generator().manual_seed(seed)
    losses = []
    with record(model, optimizer, every=1) as vitals:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = model(torch.randn(16, 3, generator=rows)).square().mean() * seed
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, vitals.record


def test_runs_side_by_side_are_each_their_own() -> None:
    """As often as not they switch between two lines of the recording."""
    backward = Tensor.backward
    found: dict[int, tuple[list[float], Record]] = {}

    def work(seed: int) -> Callable[[], None]:
        return lambda: found.__setitem__(seed, train(seed, 60))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [in_thread(work(seed)) for seed in (1, 2, 3)]
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert Tensor.backward is backward
    assert sorted(found) == [1, 2, 3]
    for losses, run in found.values():
        np.testing.assert_allclose(run["loss"].values, losses, rtol=1e-6)
        assert not any("backward" in note for note in run.notes)


def test_a_loop_in_another_thread_than_its_recording_is_heard() -> None:
    """A notebook may record in its own thread, and train in one that it can stop."""
    model, optimizer = build(0)
    losses: list[float] = []

    def work() -> None:
        for _ in range(20):
            optimizer.zero_grad()
            loss = model(torch.ones(2, 3)).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    with record(model, optimizer, every=1) as vitals:
        in_thread(work).join()
    np.testing.assert_allclose(vitals.record["loss"].values, losses, rtol=1e-6)


def test_recordings_that_begin_and_end_at_once_leave_backward_as_it_was() -> None:
    """The first to come replaces it, and the last to go puts it back: also where they race."""
    backward = Tensor.backward
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work() -> None:
        model, optimizer = build(0)
        for _ in range(100):
            with record(model, optimizer):
                pass

    try:
        threads = [in_thread(work) for _ in range(4)]
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert Tensor.backward is backward
