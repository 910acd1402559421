"""``kill -9`` in the middle of a write: the file is whole, and the run ends with the same bits."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.training.checkpoint import read
from coursekit.training.loop import fit

EPOCHS = 6
# Seconds after the unfinished file is first seen. To write some 50 MB takes longer than that.
MOMENTS_S = (0.0, 0.005, 0.02)


def train(path: Path | None) -> list[torch.Tensor]:
    """Six epochs of a network of 4 million weights, with dropout; its weights afterwards."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 2000), nn.Dropout(), nn.Linear(2000, 2000), nn.Linear(2000, 2)
    )
    data = TensorDataset(torch.randn(12, 8), torch.randint(2, (12,)))
    fit(
        model,
        DataLoader(data, batch_size=6, shuffle=True),
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        epochs=EPOCHS,
        checkpoint=path,
        resume=path is not None,
        every=1000,
    )
    return [parameter.detach() for parameter in model.parameters()]


def kill_while_writing(path: Path, *, after_s: float) -> None:
    """Train in a process of its own, and kill it during its second write."""
    program = subprocess.Popen([sys.executable, __file__, str(path)])
    try:
        for writing in (False, True, False, True):  # first, what the last one left is cleaned up
            wait_until(path, writing=writing, program=program)
        time.sleep(after_s)
    finally:
        program.kill()
        assert program.wait(timeout=30) == -signal.SIGKILL


def wait_until(path: Path, *, writing: bool, program: "subprocess.Popen[bytes]") -> None:
    """Until there is (or is not) an unfinished file beside the checkpoint."""
    deadline = time.monotonic() + 60
    while unfinished(path) != writing:
        assert program.poll() is None, "the training ended before it was killed"
        assert time.monotonic() < deadline, "the training hangs"
        time.sleep(0.001)


def unfinished(path: Path) -> bool:
    """Whether a write is under way, or was when the process was killed."""
    return any(path.parent.glob(f".{path.name}.*.partial"))


def test_a_run_that_is_killed_while_writing(tmp_path: Path) -> None:
    """Killed at three moments of a write, and each time gone on with: one epoch lost, at most.

    Each process finishes one write and is killed in its second, so the file holds one epoch more
    each time. In the end the weights are, bit for bit, those of a run that was left alone.
    """
    path = tmp_path / "run.pt"
    caught = 0
    for kills, moment in enumerate(MOMENTS_S, start=1):
        kill_while_writing(path, after_s=moment)
        caught += unfinished(path)
        assert read(path)["done"] >= kills
    assert caught > 0, "every write was over before the kill: the file is too small"
    resumed, straight = train(path), train(None)
    assert not unfinished(path)
    assert all(map(torch.equal, resumed, straight))


if __name__ == "__main__":
    train(Path(sys.argv[1]))
