"""The real machine, looked at; and machines with a driver, as a program named nvidia-smi tells."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from coursekit.device import available, describe
from coursekit.device.facts import Facts, Gpu
from coursekit.device.look import look
from coursekit.device.machine import Machine

unix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
cpu_build = pytest.mark.skipif(
    torch.version.cuda is not None or torch.version.hip is not None, reason="torch is a GPU build"
)


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real program of that name, the first on the path; a test writes what it does."""
    program = tmp_path / "nvidia-smi"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return program


def test_the_description_is_of_this_machine() -> None:
    """As the tests see it: no GPU, one core or more, less memory free than there is."""
    machine = describe()
    assert machine.picked == "cpu"
    assert "COURSEKIT_DEVICE is set to 'cpu'" in machine.why
    assert (machine.torch, machine.devices) == (torch.__version__, available())
    assert machine.cores >= 1
    if machine.memory_gb is not None and machine.free_gb is not None:
        assert 0 < machine.free_gb < machine.memory_gb
    assert len(machine.gpus) == len(machine.accelerators) == torch.cuda.device_count()


def test_the_facts_are_those_of_torch_itself() -> None:
    """Read by another way each."""
    facts = look()
    assert facts.devices == available()
    assert facts.torch_cuda == torch.version.cuda
    assert facts.named == "cpu"
    hidden = os.environ.get("COURSEKIT_TEST_GPU") != "1"
    assert (("CUDA_VISIBLE_DEVICES", "") in facts.hiding) == hidden


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here")
def test_the_description_survives_a_device_that_is_not_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`coursekit info` is what one runs to find out."""
    monkeypatch.setenv("COURSEKIT_DEVICE", "cuda")
    assert describe().picked == "none"
    assert "offers: cpu" in describe().why


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_described_without_taking_its_memory() -> None:
    """No tensor and no context of our own: what torch has reserved does not change."""
    before = torch.cuda.memory_reserved()
    gpu = describe().accelerators[0]
    assert gpu.name == torch.cuda.get_device_name(0)
    assert gpu.memory_gb > (gpu.free_gb or 0)
    assert torch.cuda.memory_reserved() == before


def test_describing_loads_no_tensorflow() -> None:
    """It costs 400 MB."""
    code = "import sys, coursekit.device as d; d.describe(); assert 'tensorflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], check=False)
    assert done.returncode == 0


@unix
@cpu_build
def test_a_driver_beside_a_torch_without_cuda(nvidia_smi: Path) -> None:
    """Two GPUs of one kind are named once."""
    nvidia_smi.write_text(
        "#!/bin/sh\necho 'NVIDIA H100, GPU-11, 81000'\necho 'NVIDIA H100, GPU-22, 80000'\n"
    )
    driver = look().nvidia
    assert driver is not None
    assert driver.gpus == ("NVIDIA H100", "NVIDIA H100")
    (problem,) = describe().problems
    assert problem.startswith(f"This machine has NVIDIA H100, but torch {torch.__version__} was")


@unix
def test_a_driver_in_trouble_is_quoted(nvidia_smi: Path) -> None:
    """As after an update without a restart."""
    nvidia_smi.write_text(
        "#!/bin/sh\necho\necho 'Failed to initialize NVML: Driver/library version mismatch'\n"
        "echo more\nexit 18\n"
    )
    (problem,) = describe().problems
    assert (
        "nvidia-smi says: Failed to initialize NVML: Driver/library version mismatch. " in problem
    )
    assert "Restart the machine" in problem


@unix
@pytest.mark.parametrize(
    "script",
    ["#!/bin/sh\necho 'No devices were found'\nexit 6\n", "#!/bin/sh\nexit 0\n"],
    ids=["none found", "silent"],
)
def test_a_driver_without_a_gpu_is_no_trouble(nvidia_smi: Path, script: str) -> None:
    nvidia_smi.write_text(script)
    driver = look().nvidia
    assert driver is not None
    assert (driver.gpus, driver.complaint) == ((), "")


@unix
def test_a_program_that_cannot_be_run_is_quoted_too(nvidia_smi: Path) -> None:
    """Not a program at all, but of that name."""
    nvidia_smi.write_text("\x00")
    driver = look().nvidia
    assert driver is not None
    assert driver.complaint


H100 = Gpu(
    device="cuda:0", name="NVIDIA H100", architecture="sm_90", memory_gb=85.03, free_gb=84.06,
    bfloat16=True,
)  # fmt: skip


def test_a_description_says_what_a_gpu_can_and_what_is_wrong() -> None:
    """A line a GPU, a line a problem."""
    old = replace(H100, device="cuda:1", name="Tesla T4", architecture="sm_75", free_gb=None,
                  bfloat16=False)  # fmt: skip
    machine: Machine = replace(describe(), accelerators=(H100, old), problems=("This.", "That."))
    lines = str(machine).splitlines()
    assert "cuda:0     NVIDIA H100, sm_90, 85.0 GB (84.1 GB free), bfloat16" in lines
    assert "cuda:1     Tesla T4, sm_75, 85.0 GB, no bfloat16: mixed precision is float16" in lines
    assert lines[-2:] == ["problem    This.", "problem    That."]


def test_nothing_is_said_of_packages_that_are_not_needed() -> None:
    """What TensorFlow lacks is read from its own list, whether or not it is installed."""
    facts = look()
    assert isinstance(facts, Facts)
    assert all(name.startswith("nvidia-") for name in facts.tensorflow_lacks)
    assert (facts.tensorflow is not None) or facts.tensorflow_lacks == ()
