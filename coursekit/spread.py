"""Calls spread over the processes of joblib, or of the cluster that joblib is told to use."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import joblib
from joblib.parallel import get_active_backend

_ROUNDS = 4  # calls a worker in one go, where the results of a go come all at its end

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def spread(calls: Iterable[Call], *, jobs: int, in_order: bool = True) -> Iterator[Any]:
    """What each call gives back, as soon as joblib's backend hands it over.

    joblib's own processes and Dask give each result as it comes; Ray and ``"multiprocessing"``
    give them back all at once, so they are asked for some at a time.

    Args:
        calls: Made with `joblib.delayed`.
        jobs: Processes, in joblib's way of counting.
        in_order: Whether results come in the order of the calls; else as they end.

    >>> list(spread([joblib.delayed(abs)(number) for number in (-2, 1)], jobs=1))
    [2, 1]
    """
    backend, _ = get_active_backend()
    if getattr(backend, "supports_return_generator", False):
        order = "generator" if in_order else "generator_unordered"
        yield from joblib.Parallel(n_jobs=jobs, return_as=order)(calls)
        return
    waiting = iter(calls)
    at_once = _ROUNDS * joblib.effective_n_jobs(jobs)
    while some := list(islice(waiting, at_once)):
        yield from joblib.Parallel(n_jobs=jobs)(some)
