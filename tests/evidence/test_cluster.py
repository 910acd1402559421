"""Runs on a real Dask cluster: a scheduler and workers, each a process of its own."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from torch import nn
from torch.optim import RMSprop

from coursekit.cases import get_case
from coursekit.cli import main
from coursekit.cli.cluster import cluster
from coursekit.evidence import Row, plan, read, run_all
from coursekit.training.sweeping.grid import sweep

distributed = pytest.importorskip("distributed")

CASE = get_case("unscaled-features")
SEEDS = range(42_000, 42_010)
QUIET = ("--no-dashboard",)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where its scheduler listens, and the processes of its workers."""

    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def running(name: str, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of Dask's, ended at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{name}", *arguments, *QUIET],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def started(folder: Path, *, workers: int) -> Iterator[Cluster]:
    """A scheduler on a free port, and so many workers of one thread."""
    place = folder / "scheduler.json"
    with ExitStack() as stack:
        where = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(place))
        stack.enter_context(running("scheduler", *where, log=folder / "scheduler.log"))
        address = _address(place)
        options = ("--nthreads", "1", "--no-nanny", "--local-directory", str(folder))
        made = [
            stack.enter_context(
                running("worker", address, *options, log=folder / f"worker-{number}.log")
            )
            for number in range(workers)
        ]
        if workers:
            with distributed.Client(address) as client:
                client.wait_for_workers(workers, timeout=60)
        yield Cluster(address=address, workers=made)


def _address(place: Path) -> str:
    """What the scheduler writes once it listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if place.is_file() and (text := place.read_text(encoding="utf-8")):
            return str(json.loads(text)["address"])
        time.sleep(0.05)
    raise TimeoutError("the scheduler did not start")


@pytest.fixture(scope="module")
def one_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with started(tmp_path_factory.mktemp("cluster"), workers=1) as found:
        yield found


def scores(rows: list[Row]) -> list[tuple[str, int, dict[str, float]]]:
    return sorted((row.recipe, row.seed, row.scores) for row in rows)


def test_with_one_of_two_workers_killed_no_run_is_lost_or_counted_twice(tmp_path: Path) -> None:
    tasks = plan([CASE], seeds=SEEDS, wanted=["torch"], pair_only=True)
    rows = []
    with started(tmp_path, workers=2) as found, cluster(found.address):
        for row in run_all(tasks, threads=1, jobs=-1):
            rows.append(row)
            if len(rows) == 4:
                found.workers[0].send_signal(signal.SIGKILL)
        assert found.workers[0].wait(timeout=10) == -signal.SIGKILL
        assert found.workers[1].poll() is None
    assert len(rows) == 2 * len(SEEDS)
    assert scores(rows) == scores(list(run_all(tasks, threads=1, jobs=1)))


def test_a_sweep_moves_unchanged(one_worker: Cluster) -> None:
    rows = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
    labels = np.arange(12) % 3

    def build(seed: int) -> nn.Module:
        return nn.Linear(4, 3)

    def swept() -> Any:  # RMSprop is not stacked: its runs go through joblib
        return sweep(
            build, [(rows, labels)], lr=[0.01, 0.1], epochs=2, seeds=[0, 1],
            loss_fn=nn.CrossEntropyLoss(), optimizer=RMSprop,
        )  # fmt: skip

    here = swept()
    with distributed.Client(one_worker.address), parallel_config(backend="dask"):
        there = swept()
    np.testing.assert_array_equal(here.curve, there.curve)


def test_the_command_runs_there_and_keeps_the_runs(one_worker: Cluster, tmp_path: Path) -> None:
    command = ["verify", "--case", CASE.name, "--framework", "torch", "--pair-only"]
    where = ["--dask", one_worker.address, "--save", str(tmp_path)]
    assert main([*command, "--seeds", "2", "--first-seed", str(SEEDS[0]), *where]) == 0
    kept = read(tmp_path / f"{CASE.name}.jsonl")
    assert [(row.recipe, row.seed) for row in kept] == [
        (recipe, seed) for recipe in ("broken", "fixed") for seed in SEEDS[:2]
    ]


def test_a_scheduler_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coursekit.cli.cluster.WAIT_S", 0.5)
    assert main(["verify", "--case", CASE.name, "--dask", "tcp://127.0.0.1:9"]) == 2
    said = capsys.readouterr().err
    assert "No Dask scheduler answers at 'tcp://127.0.0.1:9'" in said
    assert "dask scheduler" in said


def test_a_scheduler_without_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with started(tmp_path, workers=0) as found:
        assert main(["verify", "--case", CASE.name, "--dask", found.address]) == 2
    assert f"dask worker {found.address} --nthreads 1" in capsys.readouterr().err
