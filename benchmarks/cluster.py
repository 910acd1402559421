"""The evidence of some cases over twenty seeds: one process, and a Dask cluster of two workers.

    python benchmarks/cluster.py [--runs N] [--seeds N] [--save]

Worker processes of one thread each, on this machine, started and warmed up beforehand: what is
timed is the runs themselves. The peer is joblib with two processes of its own: it says how much two
processes gain on this machine, whose cores may share what they compute with. All ways must give the
same scores.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from statistics import median
from typing import Any

from distributed import Client, LocalCluster
from joblib import parallel_config
from results import Bar, add_save, report

from coursekit.cases import get_case
from coursekit.evidence import Row, Task, plan, run_all

CASES = ("unscaled-features", "missing-zero-grad", "learning-rate-too-high", "label-noise")
BAR = 1.2
Scores = list[tuple[str, str, int, dict[str, float]]]


@contextmanager
def two_workers() -> Iterator[None]:
    """Inside, joblib's processes are the workers of a cluster."""
    options: dict[str, Any] = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": None,
    }
    with LocalCluster(**options) as local, Client(local), parallel_config(backend="dask"):
        yield


# Where runs are made, and in how many processes. (Of a cluster with one worker joblib makes no
# use: it stays in this process.)
ONE, WORKERS, JOBLIB = "one process", "two workers", "joblib, 2 processes"
WAYS: dict[str, tuple[Callable[[], AbstractContextManager[None]], int]] = {
    ONE: (nullcontext, 1),
    WORKERS: (two_workers, 2),
    JOBLIB: (nullcontext, 2),
}


def timed(tasks: list[Task], *, jobs: int) -> tuple[float, Scores]:
    """Seconds for all runs, and what they gave."""
    begin = time.perf_counter()
    rows: list[Row] = list(run_all(tasks, threads=1, jobs=jobs))
    seconds = time.perf_counter() - begin
    return seconds, sorted((row.case, row.recipe, row.seed, row.scores) for row in rows)


def ratio(above: list[float], below: list[float]) -> float:
    """Median of the ratios of runs that were made one after the other."""
    return round(median(one / other for one, other in zip(above, below, strict=True)), 2)


def main() -> None:
    """Time the ways in turn, compare, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=20)
    add_save(parser)
    options = parser.parse_args()
    cases = [get_case(name) for name in CASES]
    seeds = range(5000, 5000 + options.seeds)
    tasks = plan(cases, seeds=seeds, wanted=["torch"], pair_only=True)
    warm_up = plan(cases[:1], seeds=range(8), wanted=["torch"], pair_only=True)
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    given: list[Scores] = []
    for _ in range(options.runs):
        for way, (place, jobs) in WAYS.items():
            with place():
                timed(warm_up, jobs=jobs)
                seconds, scores = timed(tasks, jobs=jobs)
            taken[way].append(seconds)
            given.append(scores)
    if any(scores != given[0] for scores in given):
        raise SystemExit("The ways gave different scores.")
    figures: dict[str, Any] = {"cases": list(CASES), "runs_of_cases": len(given[0])}
    figures |= {f"{way}_s": round(median(seconds), 2) for way, seconds in taken.items()}
    for way in (WORKERS, JOBLIB):
        figures[f"{way}, times as fast as {ONE}"] = ratio(taken[ONE], taken[way])
    bar = Bar(
        figure=ratio(taken[WORKERS], taken[JOBLIB]), bar=BAR, better="lower",
        of="time of two workers, beside two processes of joblib's",
    )  # fmt: skip
    packages = ("torch", "joblib", "distributed")
    report("cluster", figures, save=options.save, packages=packages, bars=(bar,))


if __name__ == "__main__":
    main()
