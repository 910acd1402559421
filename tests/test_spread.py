"""Calls are made once each, whatever joblib's backend can do."""

import os
from collections.abc import Iterator

import joblib
import pytest
from joblib.parallel import get_active_backend

from coursekit.spread import Call, spread


def told(number: int) -> tuple[int, int]:
    """The number, and the process that was asked."""
    return number, os.getpid()


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_each_call_is_made_once_and_elsewhere(backend: str, in_order: bool) -> None:
    """Also where a backend, like Ray's, gives no result before all are there."""
    calls = (joblib.delayed(told)(number) for number in range(30))
    with joblib.parallel_config(backend=backend):
        found = list(spread(calls, jobs=2, in_order=in_order))
    numbers = [number for number, _ in found]
    assert (numbers if in_order else sorted(numbers)) == list(range(30))
    assert os.getpid() not in {process for _, process in found}


def test_one_of_them_gives_its_results_at_once() -> None:
    """Or the test above would not say much."""
    with joblib.parallel_config(backend="multiprocessing"):
        backend, _ = get_active_backend()
    assert not backend.supports_return_generator


def test_results_come_before_the_last_call_is_made() -> None:
    """So that what is done is stored, and counted, while the rest is running."""
    made: list[int] = []

    def calls() -> Iterator[Call]:
        for number in range(50):
            made.append(number)
            yield joblib.delayed(told)(number)

    with joblib.parallel_config(backend="multiprocessing"):
        next(iter(spread(calls(), jobs=2)))
    assert len(made) < 50
