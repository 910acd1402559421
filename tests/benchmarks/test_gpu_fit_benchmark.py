"""The benchmark of `fit` on a GPU: on a CPU its ways do the same work; without a GPU it says so."""

import os
import subprocess
import sys
from pathlib import Path

import gpu_fit
import pytest
import torch
from peers import LIGHTNING
from residual import TINY, images, network
from torch import nn

CPU = torch.device("cpu")
SCRIPT = Path(gpu_fit.__file__)


def test_the_network_halves_the_image_twice() -> None:
    """Stages of 4, 8 and 16 channels on 32, 16 and 8 pixels, then ten classes."""
    model = network(TINY, CPU)
    x, shapes = images(TINY, CPU)[0][0], []
    for layer in model:
        x = layer(x)  # (batch, channels, height, width), at last (batch, 10)
        shapes.append(tuple(x.shape))
    assert shapes[:4] == [(8, 4, 32, 32), (8, 4, 32, 32), (8, 8, 16, 16), (8, 16, 8, 8)]
    assert shapes[-1] == (8, 10)


def test_the_ways_do_the_same_work_on_a_cpu() -> None:
    """Equal weights in float32, or compare() would stop; three batches twice are six steps."""
    peers = [] if LIGHTNING.missing else [LIGHTNING]
    figures = gpu_fit.compare(TINY, CPU, peers=peers, epochs=2, runs=2)
    assert figures["steps"] == 6
    assert ("Lightning Fabric" in figures) is bool(peers)
    assert figures["coursekit.fit"]["loss_after"] == figures["tuned loop"]["loss_after"]
    assert figures["tuned loop"]["share_of_tuned"]["ratio"] == 1


def test_a_way_that_does_other_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch too many."""
    real = gpu_fit.by_fit
    monkeypatch.setattr(
        gpu_fit, "by_fit", lambda model, data, epochs, device: real(model, data, epochs + 1, device)
    )
    with pytest.raises(SystemExit, match=r"coursekit\.fit did other work"):
        gpu_fit.compare(TINY, CPU, peers=[], epochs=1, runs=2)


def test_without_a_gpu_it_says_why_and_ends_well(tmp_path: Path) -> None:
    """One sentence, status 0, no file."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--save", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ
        | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    assert done.stdout.startswith("Skipped: it needs a CUDA GPU")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here, or it is hidden")
def test_batches_copied_ahead_arrive_whole_and_in_order() -> None:
    """Work on each batch goes on while the next one is copied."""
    device = torch.device("cuda")
    batches = images(TINY, device)
    arrived = [(x * 1, y * 1) for x, y in gpu_fit.ahead(batches, device)]
    assert len(arrived) == len(batches)
    for (x, y), (inputs, labels) in zip(arrived, batches, strict=True):
        assert torch.equal(x.cpu(), inputs)
        assert torch.equal(y.cpu(), labels)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here, or it is hidden")
def test_the_ways_do_the_same_work_on_a_gpu() -> None:
    """In bfloat16 the losses at the end are close, or compare() would stop."""
    peers = [] if LIGHTNING.missing else [LIGHTNING]
    figures = gpu_fit.compare(TINY, torch.device("cuda"), peers=peers, epochs=2, runs=2)
    assert figures["steps"] == 6
    assert isinstance(network(TINY, torch.device("cuda"))[0], nn.Conv2d)
