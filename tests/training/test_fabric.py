"""`fit` in two processes under Lightning Fabric, on the CPU (gloo)."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.training.checkpoint import read
from coursekit.training.fabric import SeveralRanks
from coursekit.training.loop import fit
from tests.training import fabric_program as program

lightning = pytest.importorskip("lightning")

ALIKE = ("plain", "rich", "summed")
LIMIT_S = 120
SOON_S = 20
with_signals = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def start(what: str, folder: Path) -> "subprocess.Popen[str]":
    """The program in two processes, in a process group of its own.

    Ctrl-C reaches it, also where the tests run in the background of a script, which ignores it.
    """
    windows = sys.platform == "win32"
    return subprocess.Popen(
        [sys.executable, program.__file__, what, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=None if windows else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what each of two processes made."""
    folder = tmp_path_factory.mktemp("two")
    process = start("all", folder)
    said, complaints = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, complaints
    (folder / "said.txt").write_text(said, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what one process makes, without Fabric."""
    folder = tmp_path_factory.mktemp("one")
    for name in (*ALIKE, "overflowing"):
        model, run = program.WAYS[name](None, folder)
        run.save(folder / f"{name}-0.json")
        torch.save(model.state_dict(), folder / f"{name}-0.pt")
    return folder


@pytest.mark.parametrize("name", ALIKE)
def test_two_processes_train_as_one_does(name: str, one: Path, two: Path) -> None:
    alone, together = (Record.load(folder / f"{name}-0.json") for folder in (one, two))
    for quantity in ("loss", "gradient_norm", "update_ratio", "val_loss", "val_accuracy"):
        assert together[quantity].steps.tolist() == alone[quantity].steps.tolist()
        np.testing.assert_allclose(together[quantity].values, alone[quantity].values, rtol=1e-3)
    assert together["loss"].values[-1] == pytest.approx(alone["loss"].values[-1], rel=1e-4)
    weights = [torch.load(folder / f"{name}-0.pt") for folder in (one, two)]
    for layer, weight in weights[0].items():
        torch.testing.assert_close(weights[1][layer], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [*ALIKE, "overflowing", "normed", "shuffled"])
def test_both_processes_end_with_the_same_weights(name: str, two: Path) -> None:
    first, second = (torch.load(two / f"{name}-{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(first[layer], second[layer]) for layer in first)


@pytest.mark.parametrize("name", ALIKE)
def test_only_the_first_process_has_a_record(name: str, two: Path) -> None:
    assert Record.load(two / f"{name}-0.json")["loss"].values.size > 10
    other = Record.load(two / f"{name}-1.json")
    assert not other.series
    assert "Recorded by the first of 2 processes" in other.notes[0]


@pytest.mark.parametrize(("name", "said"), [("plain", False), ("normed", True)])
def test_the_record_says_whose_mean_batch_normalisation_took(
    name: str, said: bool, two: Path
) -> None:
    notes = Record.load(two / f"{name}-0.json").notes
    assert any(note.startswith("Trained by 2 processes.") for note in notes)
    assert any("SyncBatchNorm" in note for note in notes) == said


def test_the_run_that_was_stopped_went_on(two: Path) -> None:
    assert read(two / "rich-2.pt")["done"] == 5
    assert any("Went on" in note for note in Record.load(two / "rich-0.json").notes)


def test_a_loss_that_is_not_finite_in_one_process_stops_both(one: Path, two: Path) -> None:
    alone, together = (Record.load(folder / "overflowing-0.json") for folder in (one, two))
    stopped = [note for note in together.notes if note.startswith("Stopped after 1 step,")]
    assert len(stopped) == 1
    assert stopped[0] in alone.notes
    assert "It began in layer '0' (Linear)" in stopped[0]
    text = " ".join((two / "said.txt").read_text(encoding="utf-8").split())
    assert text.count(stopped[0]) == 1


def test_each_row_goes_to_one_process_in_an_order_of_the_seed(two: Path) -> None:
    orders = []
    for seed in (0, 1):
        mine, others = (torch.load(two / f"rows-{seed}-{rank}.pt") for rank in (0, 1))
        for epoch in (slice(0, 40), slice(40, 80)):
            assert sorted(mine[epoch] + others[epoch]) == list(range(80))
            orders.append(tuple(mine[epoch]))
    assert len(set(orders)) == 4


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """Two processes in the middle of a run, and their numbers."""
    process = start("long", tmp_path)
    begun = [tmp_path / f"begun-{rank}" for rank in (0, 1)]
    try:
        deadline = time.monotonic() + LIMIT_S
        while not all(path.exists() and path.read_text(encoding="utf-8") for path in begun):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.3)
        yield process, [int(path.read_text(encoding="utf-8")) for path in begun]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@with_signals
@pytest.mark.parametrize("killed", [0, 1])
def test_a_process_that_is_killed_ends_the_other_with_a_sentence(
    killed: int, running: tuple["subprocess.Popen[str]", list[int]]
) -> None:
    process, numbers = running
    os.kill(numbers[killed], signal.SIGKILL)
    _, complaints = process.communicate(timeout=SOON_S)  # until both have let go of the pipe
    assert process.returncode != 0
    last = complaints.strip().splitlines()
    assert any("CoursekitError: Another process of this run is gone" in line for line in last)


@with_signals
def test_control_c_keeps_what_was_done(
    running: tuple["subprocess.Popen[str]", list[int]], tmp_path: Path
) -> None:
    process, _ = running
    os.killpg(process.pid, signal.SIGINT)
    said, complaints = process.communicate(timeout=SOON_S)
    assert process.returncode == 0, complaints
    assert said.count("Stopped by hand") == 1
    run = Record.load(tmp_path / "long-0.json")
    assert run["loss"].values.size > 5
    assert any(note.startswith("Stopped by hand after") for note in run.notes)


def one_process() -> Any:
    """A Fabric that starts nothing."""
    return lightning.Fabric(accelerator="cpu", devices=1)


def test_one_process_under_fabric_is_fit_bit_for_bit(tmp_path: Path) -> None:
    model, run = program.plain(one_process(), tmp_path)
    bare, bare_run = program.plain(None, tmp_path)
    weights = bare.state_dict()
    assert all(torch.equal(weights[name], weight) for name, weight in model.state_dict().items())
    assert run["loss"].values.tolist() == bare_run["loss"].values.tolist()


def fitted(**options: Any) -> Record:
    model = program.network()
    usual: dict[str, Any] = {
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "epochs": 1,
    }
    return fit(model, program.loaders(100)[0], **usual | options)


def test_what_is_no_fabric_is_refused() -> None:
    with pytest.raises(BadInputError, match="fabric is a int"):
        fitted(fabric=2)


def test_a_device_beside_fabric_is_refused() -> None:
    with pytest.raises(BadInputError, match=re.escape("Fabric(accelerator=…, devices=…)")):
        fitted(fabric=one_process(), device="cpu")


def test_fabrics_own_precision_is_refused() -> None:
    mixed = lightning.Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    with pytest.raises(BadInputError, match="pass precision='mixed' to fit"):
        fitted(fabric=mixed)


def test_another_strategy_is_refused() -> None:
    strategies = lightning.fabric.strategies
    threads = strategies.DataParallelStrategy(parallel_devices=[torch.device("cpu")])
    spread = lightning.Fabric(accelerator="cpu", devices=1, strategy=threads)
    with pytest.raises(BadInputError, match="DataParallelStrategy"):
        fitted(fabric=spread)


def test_processes_that_were_not_started_are_refused() -> None:
    with pytest.raises(BadInputError, match=re.escape("fabric.launch()")):
        fitted(fabric=lightning.Fabric(accelerator="cpu", devices=2))


class Endless(IterableDataset[Any]):
    """Rows whose number nobody knows."""

    def __iter__(self) -> Iterator[Any]:
        yield from zip(*program.digits(), strict=True)


@pytest.mark.parametrize("data", [[program.digits()], DataLoader(Endless(), batch_size=8)])
def test_rows_that_cannot_be_dealt_out_are_refused(data: Any) -> None:
    ranks = SeveralRanks(one_process(), nn.CrossEntropyLoss())
    with pytest.raises(BadInputError, match="TensorDataset"):
        ranks.dealt(data)
