"""The evidence of some cases over twenty seeds, on a Dask cluster of one worker and of two.

    python benchmarks/cluster.py [--runs N] [--seeds N]

Worker processes of one thread each, on this machine, started and warmed up beforehand: what is
timed is the runs themselves. Beside them, the same in two processes of joblib's own. All ways must
give the same scores.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from statistics import median
from typing import Any

from distributed import Client, LocalCluster
from joblib import parallel_config
from results import Bar, keep

from coursekit.cases import get_case
from coursekit.evidence import Row, Task, plan, run_all

CASES = ("unscaled-features", "missing-zero-grad", "learning-rate-too-high", "label-noise")
BAR = 1.8
Scores = list[tuple[str, str, int, dict[str, float]]]


@contextmanager
def on_workers(number: int) -> Iterator[None]:
    """Inside, joblib's processes are so many workers."""
    options: dict[str, Any] = {
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
    }
    with (
        LocalCluster(n_workers=number, **options) as local,
        Client(local),
        parallel_config(backend="dask"),
    ):
        yield


WAYS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "one worker": partial(on_workers, 1),
    "two workers": partial(on_workers, 2),
    "joblib, 2 processes": nullcontext,
}


def timed(tasks: list[Task]) -> tuple[float, Scores]:
    """Seconds for all runs, and what they gave."""
    begin = time.perf_counter()
    rows: list[Row] = list(run_all(tasks, threads=1, jobs=2))
    seconds = time.perf_counter() - begin
    return seconds, sorted((row.case, row.recipe, row.seed, row.scores) for row in rows)


def main() -> None:
    """Time the ways in turn, compare, print and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    cases = [get_case(name) for name in CASES]
    seeds = range(5000, 5000 + options.seeds)
    tasks = plan(cases, seeds=seeds, wanted=["torch"], pair_only=True)
    warm_up = plan(cases[:1], seeds=range(8), wanted=["torch"], pair_only=True)
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    given: list[Scores] = []
    for _ in range(options.runs):
        for way, place in WAYS.items():
            with place():
                timed(warm_up)
                seconds, scores = timed(tasks)
            taken[way].append(seconds)
            given.append(scores)
    if any(scores != given[0] for scores in given):
        raise SystemExit("The ways gave different scores.")
    ratios = [one / two for one, two in zip(taken["one worker"], taken["two workers"], strict=True)]
    figures: dict[str, Any] = {"cases": list(CASES), "runs_of_cases": len(given[0])}
    figures |= {f"{way}_s": round(median(seconds), 2) for way, seconds in taken.items()}
    bar = Bar(
        figure=round(median(ratios), 2), bar=BAR, better="higher",
        of="times as fast on two workers as on one",
    )  # fmt: skip
    keep("cluster", figures, packages=("torch", "joblib", "distributed"), bars=(bar,))


if __name__ == "__main__":
    main()
