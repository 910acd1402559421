"""What this machine offers, for ``coursekit info`` and the first lesson."""

import os
import platform
from dataclasses import dataclass

import psutil
import torch

from coursekit.device.facts import Facts, Gpu
from coursekit.device.look import look
from coursekit.device.mismatch import mismatches
from coursekit.device.pick import VARIABLE, choose
from coursekit.errors import CoursekitError


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine offers to a training run; `describe` looks it up.

    Attributes:
        python: Version of Python.
        system: Operating system and processor.
        cores: Processor cores that this process may use.
        memory_gb: Memory in 10**9 bytes.
        free_gb: What is free of it, in 10**9 bytes.
        torch: Version of torch.
        threads: Threads that torch computes with.
        tensorflow: Version of TensorFlow; None where it is not installed.
        devices: What `pick_device` can give, the fastest first.
        gpus: Names of the CUDA devices.
        accelerators: The same devices with their memory and what they compute in.
        picked: What a lesson runs on.
        why: Why that one, in a sentence.
        problems: What keeps the machine from being used in full, and what to do, in sentences.
    """

    python: str
    system: str
    cores: int
    memory_gb: float
    free_gb: float
    torch: str
    threads: int
    tensorflow: str | None
    devices: tuple[str, ...]
    gpus: tuple[str, ...]
    accelerators: tuple[Gpu, ...]
    picked: str
    why: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            ("python", self.python),
            ("system", self.system),
            ("cores", str(self.cores)),
            ("memory", _memory(self.memory_gb, self.free_gb)),
            ("torch", f"{self.torch}, {self.threads} thread(s)"),
            ("tensorflow", self.tensorflow or "not installed: the Keras cells are skipped"),
            ("devices", ", ".join(self.devices)),
            *((gpu.device, _gpu(gpu)) for gpu in self.accelerators),
            ("picked", f"{self.picked}. {self.why}"),
            *(("problem", sentence) for sentence in self.problems),
        ]
        return "\n".join(f"{name:<11}{text}" for name, text in lines)


def describe() -> Machine:
    """Look at this machine; TensorFlow is looked up, not loaded.

    >>> describe().devices[-1]
    'cpu'
    """
    facts, memory = look(), psutil.virtual_memory()
    picked, why = choice(facts)
    return Machine(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cores=_cores(),
        memory_gb=memory.total / 1e9,
        free_gb=memory.available / 1e9,
        torch=facts.torch,
        threads=torch.get_num_threads(),
        tensorflow=facts.tensorflow,
        devices=facts.devices,
        gpus=tuple(gpu.name for gpu in facts.gpus),
        accelerators=facts.gpus,
        picked=picked,
        why=why,
        problems=mismatches(facts),
    )


def choice(facts: Facts) -> tuple[str, str]:
    """The device of a lesson, and why.

    >>> choice(Facts(system="Linux", processor="x86_64", torch="2.13.0", named="auto"))
    ('cpu', "COURSEKIT_DEVICE is set to 'auto'.")
    """
    if not facts.named:
        return "cpu", (
            f"Lessons use the CPU: their models are tiny. Set {VARIABLE} to choose another."
        )
    try:
        return choose(facts.named, facts.devices), f"{VARIABLE} is set to {facts.named!r}."
    except CoursekitError as error:
        return "none", f"{VARIABLE} is set to {facts.named!r}. {error}"


def _gpu(gpu: Gpu) -> str:
    """A GPU in a line."""
    precision = "bfloat16" if gpu.bfloat16 else "no bfloat16: mixed precision is float16"
    return f"{gpu.name}, {gpu.architecture}, {_memory(gpu.memory_gb, gpu.free_gb)}, {precision}"


def _memory(total_gb: float | None, free_gb: float | None) -> str:
    """An amount of memory in words."""
    if total_gb is None:
        return "unknown"
    free = "" if free_gb is None else f" ({free_gb:.1f} GB free)"
    return f"{total_gb:.1f} GB{free}"


def _cores() -> int:
    """The cores that this process may use, which a container may limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
