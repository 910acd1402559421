"""What this machine offers, for ``coursekit info`` and the first lesson."""

import importlib.metadata
import os
import platform
from dataclasses import dataclass

import torch

from coursekit.device.pick import VARIABLE, available, lesson_device
from coursekit.errors import BadInputError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine offers to a training run; `describe` looks it up.

    Attributes:
        python: Version of Python.
        system: Operating system and processor.
        cores: Processor cores that this process may use.
        memory_gb: Memory in 10**9 bytes; None where the system does not say.
        torch: Version of torch.
        threads: Threads that torch computes with.
        tensorflow: Version of TensorFlow; None where it is not installed.
        devices: What `pick_device` can give, the fastest first.
        gpus: Names of the CUDA devices.
        picked: What a lesson runs on.
        why: Why that one, in a sentence.
    """

    python: str
    system: str
    cores: int
    memory_gb: float | None
    torch: str
    threads: int
    tensorflow: str | None
    devices: tuple[str, ...]
    gpus: tuple[str, ...]
    picked: str
    why: str

    def __str__(self) -> str:
        memory = "unknown" if self.memory_gb is None else f"{self.memory_gb:.1f} GB"
        lines = {
            "python": self.python,
            "system": self.system,
            "cores": str(self.cores),
            "memory": memory,
            "torch": f"{self.torch}, {self.threads} thread(s)",
            "tensorflow": self.tensorflow or "not installed: the Keras cells are skipped",
            "devices": ", ".join([*self.devices, *self.gpus]),
            "picked": f"{self.picked}. {self.why}",
        }
        return "\n".join(f"{name:<11}{text}" for name, text in lines.items())


def describe() -> Machine:
    """Look at this machine; TensorFlow is looked up, not loaded.

    >>> describe().devices[-1]
    'cpu'
    """
    picked, why = _choice()
    here = torch.cuda.is_available()
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cores=_cores(),
        memory_gb=_memory_gb(),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        tensorflow=_version("tensorflow"),
        devices=available(),
        gpus=tuple(
            map(torch.cuda.get_device_name, range(torch.cuda.device_count() if here else 0))
        ),
        picked=picked,
        why=why,
    )


def _choice() -> tuple[str, str]:
    """The device of a lesson, and why."""
    named = os.environ.get(VARIABLE)
    try:
        device = str(lesson_device())
    except (BadInputError, UnknownNameError) as error:
        return "none", str(error)
    if named:
        return device, f"{VARIABLE} is set to {named!r}."
    return device, f"Lessons use the CPU: their models are tiny. Set {VARIABLE} to choose another."


def _cores() -> int:
    """The cores that this process may use, which a container may limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_gb() -> float | None:
    """The memory of the machine; Windows does not say in this way."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):
        return None


def _version(package: str) -> str | None:
    """The version of a package, without loading it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
