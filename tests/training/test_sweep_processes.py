"""What cannot be stacked runs in processes: real ones, which end when they should."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import RMSprop

from coursekit.errors import BadInputError
from coursekit.training.sweeping.grid import sweep

X = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randint(3, (12,), generator=torch.Generator().manual_seed(1))


def swept(build: Any, **changed: Any) -> Any:
    """A sweep that is not stacked: RMSprop."""
    options: dict[str, Any] = {"lr": [0.01, 0.1], "epochs": 2, "loss_fn": nn.CrossEntropyLoss()}
    return sweep(build, [(X, Y)], **options | {"optimizer": RMSprop} | changed)


def telling(folder: Path) -> Any:
    """A build function that leaves a file named like its process; it travels by value."""

    def build(seed: int) -> nn.Module:
        (folder / f"{os.getpid()} {torch.get_num_threads()}").touch()
        return nn.Linear(4, 3)

    return build


def tellers(folder: Path) -> dict[int, int]:
    """Process to its number of threads, for those that built a model."""
    return {int(pid): int(threads) for pid, threads in (p.name.split() for p in folder.iterdir())}


def test_processes_give_the_losses_of_this_process(tmp_path: Path) -> None:
    """The same runs, in two processes of one thread each, and in this one."""
    here = swept(telling(tmp_path), jobs=1, seeds=[0, 1])
    there = swept(telling(tmp_path), jobs=2, seeds=[0, 1])
    np.testing.assert_array_equal(here.curve, there.curve)
    others = {pid: threads for pid, threads in tellers(tmp_path).items() if pid != os.getpid()}
    assert others
    assert set(others.values()) == {1}


def test_joblib_decides_where_it_was_told_to(tmp_path: Path) -> None:
    """`parallel_config` moves the runs; here to one worker, which is this process."""
    with joblib.parallel_config(n_jobs=1):
        swept(telling(tmp_path))
    assert set(tellers(tmp_path)) == {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_raises_names_its_setting(jobs: int) -> None:
    """Wherever it ran: the sentence comes back from another process too."""

    class Fragile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.calls = nn.Linear(4, 3), 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            if self.calls > 2:
                raise ZeroDivisionError("the third pass")
            return self.layer(x)

    def build(seed: int, fragile: bool) -> nn.Module:
        return Fragile() if fragile else nn.Linear(4, 3)

    with pytest.raises(
        BadInputError,
        match=r"run with lr 0\.1, fragile True, seed 0 raised ZeroDivisionError: the third pass\.",
    ):
        swept(build, over={"fragile": [False, True]}, jobs=jobs, lr=[0.1], epochs=4)


NOTEBOOK = """
import multiprocessing, os, sys, time
from pathlib import Path
import torch
from torch import nn
from coursekit.training.sweeping.grid import sweep

folder = Path(sys.argv[1])
loss = lambda outputs, labels: (outputs - labels).square().mean()

class Slow(nn.Linear):
    def forward(self, x):
        if multiprocessing.parent_process() is not None:  # not in the rehearsal
            (folder / str(os.getpid())).touch()
            time.sleep(float(os.environ["NAP"]))
        return super().forward(x)

def build(seed):
    return Slow(1, 1)

if __name__ == "__main__":
    x = torch.ones(2, 1)
    try:
        result = sweep(build, [(x, x)], loss_fn=loss, lr=[0.1, 0.2, 0.3, 0.4], epochs=2, jobs=2,
                       optimizer=lambda parameters, lr: torch.optim.Adagrad(parameters, lr=lr))
        print(result)
    except KeyboardInterrupt:
        print("stopped")
"""


def notebook(folder: Path, *, nap: float) -> subprocess.Popen[str]:
    """A script whose functions and classes are its own, as those of a notebook are."""
    script = folder / "script.py"
    script.write_text(NOTEBOOK, encoding="utf-8")
    workers = folder / "workers"
    workers.mkdir()
    return subprocess.Popen(
        [sys.executable, str(script), str(workers)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"NAP": str(nap), "PYTHONPATH": os.pathsep.join(sys.path)},
        # A test run in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def test_functions_and_classes_of_a_notebook_travel(tmp_path: Path) -> None:
    """Lambdas and classes of ``__main__`` are sent by value."""
    out, errors = notebook(tmp_path, nap=0.0).communicate(timeout=120)
    assert out == "Sweep(4 runs: 4 lr × 1 seed; 2 epochs, 0 diverged)\n", errors
    assert len(list((tmp_path / "workers").iterdir())) >= 1


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_an_interrupt_ends_the_processes(tmp_path: Path) -> None:
    """Ctrl-C in the middle of runs that would take minutes: the workers are gone at once."""
    run = notebook(tmp_path, nap=100.0)
    deadline = time.monotonic() + 90
    while not (workers := list((tmp_path / "workers").iterdir())) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workers, "no worker began"
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    assert out == "stopped\n"
    pids = [int(worker.name) for worker in workers]
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, pids))
