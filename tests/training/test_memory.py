"""Memory that runs out, for real: in a process of its own whose address space is limited."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from coursekit.errors import CoursekitError
from coursekit.training.loop import fit
from coursekit.training.memory import alike, out_of_memory
from coursekit.training.rehearsal import rehearsal

# Backward needs the outputs of 12 layers of 2,048 units: 98 kB a row, so 403 MB for 4,096 rows,
# of which the limit leaves 250 MB.
SCRIPT = """
    import resource, sys, torch
    from torch import nn
    from coursekit.errors import CoursekitError
    from coursekit.training.loop import fit

    torch.set_num_threads(1)
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(16)
    thin = [nn.LeakyReLU() for _ in range(11)]
    model = nn.Sequential(norm, nn.Linear(16, 2048), *thin, nn.Linear(2048, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(4096, 16), torch.randn(4096, 1)
    small = [(x[:64], y[:64])]
    options = dict(loss_fn=nn.MSELoss(), optimizer=optimizer, epochs=1)
    fit(model, small, **options)  # warm: threads and caches are there
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 250_000_000, -1))
    def said(data, **more):
        try:
            fit(model, data, **options, **more)
        except CoursekitError as error:
            return str(error)

    print(said(small, val=[(x.repeat(16, 1), y.repeat(16, 1))]))
    seen, mean = norm.num_batches_tracked.item(), norm.running_mean.clone()
    weight, state = model[1].weight.clone(), torch.get_rng_state()
    sentence = said([(x, y)])
    print(sentence)
    fitted = int(sentence.split("A batch of ")[1].split()[0])

    def fits(rows):
        try:
            nn.MSELoss()(model(x[:rows]), y[:rows]).backward()
        except RuntimeError:
            return False
        return True

    assert norm.num_batches_tracked.item() <= seen + 1, "statistics of a trial were kept"
    assert torch.equal(model[1].weight, weight), "a step was made"
    assert torch.equal(torch.get_rng_state(), state), "random numbers were drawn"
    print(fits(fitted), fits(4096))
"""

LIMITED = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux limits the address space"
)


@LIMITED
def test_batches_that_do_not_fit(tmp_path: Path) -> None:
    """What is said to fit does, 4,096 rows do not, and the advice makes up the same batch.

    At most 2,541 rows fit into 250 MB. So 2,048 are tried first, but for what else takes memory.
    In validation no gradient is at stake: smaller batches give the same mean.
    """
    script = tmp_path / "small_machine.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    # Large pieces of memory go back to the system at once; else what fits depends on the past.
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"},
    )
    assert done.returncode == 0, done.stderr
    in_validation, said, tried = done.stdout.splitlines()
    assert "in a batch of 65536 rows of val" in in_validation
    assert said.startswith("The memory of the machine ran out in a batch of 4096 rows.")
    assert int(said.split("A batch of ")[1].split()[0]) in (512, 1024, 2048)
    assert tried == "True False"
    smaller = int(said.split("batch_size=")[1].split()[0])
    together = int(said.split("accumulate=")[1].split()[0])
    assert smaller * together == 4096
    assert "batch normalisation then sees the smaller batches" in said


class Greedy(nn.Module):
    """Raises what torch raises, above a number of rows."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.most = most

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Runs out above `most` rows."""
        if len(x) > self.most:
            torch.empty(2**60, dtype=torch.uint8)
        return self.linear(x)


def advice(rows: int, most: int, **options: Any) -> str:
    """What is said when a batch of so many rows meets a model that takes at most that many."""
    model = Greedy(most)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = [(torch.ones(rows, 2), torch.ones(rows, 1))]
    chosen: Any = {"loss_fn": nn.MSELoss(), "optimizer": optimizer, "epochs": 1} | options
    with pytest.raises(CoursekitError) as raised:
        fit(model, data, **chosen)
    return str(raised.value)


@pytest.mark.parametrize(
    ("rows", "most", "says"),
    [
        (96, 30, "A batch of 24 fitted: batch_size=24 in the DataLoader and accumulate=4"),
        (100, 13, "A batch of 12 fitted: batch_size=10 in the DataLoader and accumulate=10"),
        (97, 30, "batch_size=24 in the DataLoader and accumulate=5 in fit give nearly the same"),
        (3, 1, "batch_size=1 in the DataLoader and accumulate=3 in fit give the same gradient"),
        (8, 0, "not one row fits"),
    ],
)
def test_the_advice(rows: int, most: int, says: str) -> None:
    """Halves are tried; the batch size divides the one that did not fit, where one does."""
    assert says in advice(rows, most)


def test_batches_that_share_an_update_already() -> None:
    """Four times as many batches, so four times the group."""
    assert "accumulate=8 in fit" in advice(96, 30, accumulate=2)


def test_an_update_that_does_not_fit() -> None:
    """The batch fits when it is tried again, so it is not the batch."""

    class Hoarding(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            torch.empty(2**60, dtype=torch.uint8)

    model = Greedy(99)
    said = ""
    try:
        fit(
            model,
            [(torch.ones(9, 2), torch.ones(9, 1))],
            loss_fn=nn.MSELoss(),
            optimizer=Hoarding(model.parameters(), lr=0.1),
            epochs=1,
        )
    except CoursekitError as error:
        said = str(error)
    assert "a batch of 9 rows fits when it is tried again" in said


@pytest.mark.parametrize(("size", "fitted"), [(1, 1), (7, 3), (64, 64), (1000, 125), (1021, 510)])
def test_small_batches_that_make_up_a_large_one(size: int, fitted: int) -> None:
    """They fit, and all rows are in them."""
    smaller, times = alike(size, fitted)
    assert smaller <= fitted
    assert smaller * (times - 1) < size <= smaller * times


def test_a_rehearsal_leaves_no_trace() -> None:
    """Buffers, gradients and random numbers are the very same afterwards, also after an error."""
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(), nn.Linear(2, 1))
    x = torch.randn(4, 2)
    model(x).sum().backward()
    gradient, buffers = model[2].weight.grad, [b.clone() for b in model.buffers()]
    values, state = gradient.clone(), torch.get_rng_state()

    def rehearse() -> None:
        with rehearsal(model, torch.device("cpu")):
            assert model[2].weight.grad is None
            model(x + 1).sum().backward()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rehearse()
    assert model[2].weight.grad is gradient
    assert torch.equal(gradient, values)
    assert all(map(torch.equal, model.buffers(), buffers))
    assert torch.equal(torch.get_rng_state(), state)


def test_other_errors_are_not_taken_for_it() -> None:
    """Only what torch and Python raise when memory is out."""
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not out_of_memory(ValueError("out of memory"))
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))


class TooLarge(nn.Linear):
    """A layer that no device has room for."""

    def to(self, *_: Any, **__: Any) -> Any:
        """As torch says it."""
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


def test_a_model_that_does_not_fit_where_it_is_moved() -> None:
    """Nothing was trained, and no batch size would help."""
    model = TooLarge(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = [(torch.ones(3, 2), torch.ones(3, 1))]
    with pytest.raises(CoursekitError, match="before the first batch: the model does not fit"):
        fit(model, data, loss_fn=nn.MSELoss(), optimizer=optimizer, epochs=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible here")
def test_on_a_gpu() -> None:
    """A share of the memory is allowed; what is said to fit does."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 2e9 / total))
    wide = [layer for _ in range(4) for layer in (nn.Linear(4096, 4096), nn.Tanh())]
    model = nn.Sequential(nn.Linear(16, 4096), *wide, nn.Linear(4096, 1)).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(65536, 16), torch.randn(65536, 1)
    options: Any = {"loss_fn": nn.MSELoss(), "optimizer": optimizer, "epochs": 1}
    try:
        with pytest.raises(CoursekitError, match="A batch of") as raised:
            fit(model, [(x, y)], **options)
        smaller = int(str(raised.value).split("batch_size=")[1].split()[0])
        together = int(str(raised.value).split("accumulate=")[1].split()[0])
        data = list(zip(x.split(smaller), y.split(smaller), strict=True))
        assert "loss" in fit(model, data, accumulate=together, **options)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
