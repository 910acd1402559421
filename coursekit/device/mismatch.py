"""Why a GPU is not used, in sentences: pure functions of `Facts`.

Sources of the rules: NVIDIA, *CUDA Compatibility* (a driver serves every CUDA of its own major
version, and older ones) and *CUDA C++ Programming Guide*, "Binary Compatibility" and "PTX
Compatibility" (machine code runs on later minor versions of its architecture, PTX on any later
one); the installation pages of PyTorch and TensorFlow for what each build supports.
"""

import re
from collections.abc import Iterator

from coursekit.device.facts import Facts, Gpu, as_version
from coursekit.device.pick import VARIABLE

SELECTOR = "Choose the build for your system at https://pytorch.org/get-started/locally/"
UNSET = "Unset the variable, or set it to the numbers of the GPUs to use, and start Python anew."
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def mismatches(facts: Facts) -> tuple[str, ...]:
    """What keeps this machine from being used in full; empty where nothing does.

    >>> mismatches(Facts(system="Linux", processor="x86_64", torch="2.13.0"))
    ()
    """
    checks = (_nvidia, _unused_nvidia, _rocm, _architectures, _mps, _tensorflow)
    return tuple(sentence for check in checks for sentence in check(facts))


def _nvidia(facts: Facts) -> Iterator[str]:
    """A driver that itself is in trouble, or missing for a torch that needs it."""
    if facts.nvidia is not None and facts.nvidia.complaint:
        yield (
            f"The NVIDIA driver is installed, but does not work: {facts.nvidia.complaint} "
            "Restart the machine: a driver that was updated while in use needs that. If it says "
            "so again, install the driver anew."
        )
    elif facts.torch_cuda and facts.nvidia is None and not facts.gpus:
        yield (
            f"torch was built for CUDA {facts.torch_cuda}, but no NVIDIA driver was found. With an "
            "NVIDIA GPU in this machine, install its driver (in a container: start it with "
            "--gpus all). Without one nothing is wrong: the CPU is used."
        )


def _unused_nvidia(facts: Facts) -> Iterator[str]:
    """GPUs that the driver knows and torch does not use."""
    driver = facts.nvidia
    if driver is None or driver.complaint or facts.gpus:
        return
    if not facts.torch_cuda:
        if not facts.torch_rocm:
            there = _list(driver.gpus) or "an NVIDIA driver"
            yield (
                f"This machine has {there}, but torch {facts.torch} was built without "
                f"CUDA, so it computes on the CPU. {SELECTOR}"
            )
        return
    if driver.cuda is not None and driver.cuda[0] < as_version(facts.torch_cuda)[0]:
        yield (
            f"The NVIDIA driver serves CUDA up to {_dotted(driver.cuda)}, but torch was built for "
            f"CUDA {facts.torch_cuda}: the driver is too old. Update it, or install a torch built "
            f"for CUDA {driver.cuda[0]}. {SELECTOR}"
        )
    elif hidden := _hiding(facts, "CUDA_VISIBLE_DEVICES", count=len(driver.gpus)):
        yield f"{hidden} hides every NVIDIA GPU from torch{_here(driver.gpus)}. {UNSET}"
    elif driver.gpus:
        yield (
            f"This machine has {_list(driver.gpus)}, torch was built for CUDA {facts.torch_cuda} "
            "and the driver serves it, but torch cannot start CUDA. What torch says: "
            'python -c "import torch; torch.cuda.init()"'
        )
    else:
        yield (
            "The library of the NVIDIA driver is here, but it names no GPU. In a container, start "
            "it with --gpus all; on WSL, update the driver on the Windows side."
        )


def _rocm(facts: Facts) -> Iterator[str]:
    """AMD's GPUs: torch calls them cuda too."""
    if facts.torch_rocm:
        if facts.gpus:
            return
        if not facts.amd:
            gpus = facts.nvidia.gpus if facts.nvidia else ()
            other = f" This machine has {_list(gpus)}." if gpus else ""
            yield (
                f"torch was built for AMD's ROCm {facts.torch_rocm}, but no AMD driver was found "
                f"(/dev/kfd).{other} {SELECTOR}"
            )
        elif hidden := _hiding(facts, *VISIBLE):
            yield f"{hidden} hides every AMD GPU from torch. {UNSET}"
        else:
            yield (
                f"torch was built for AMD's ROCm {facts.torch_rocm} and the driver is here, but "
                "torch finds no GPU. Your user must be in the groups render and video, and the GPU "
                "on AMD's list of those that ROCm supports."
            )
    elif facts.amd and not facts.torch_cuda and facts.system == "Linux":
        yield (
            f"This machine has AMD's driver for computing, but torch {facts.torch} was built "
            f"without ROCm, so it computes on the CPU. {SELECTOR}"
        )


def _architectures(facts: Facts) -> Iterator[str]:
    """GPUs for which torch holds no machine code."""
    for gpu in facts.gpus:
        if facts.torch_architectures and not _runs_on(gpu, facts.torch_architectures):
            yield (
                f"{gpu.name} ({gpu.device}) is a {gpu.architecture}, and torch {facts.torch} was "
                f"built for {', '.join(facts.torch_architectures)}: it would fail with 'no kernel "
                f"image is available'. Install a torch that was built for it, or set {VARIABLE}="
                f"cpu. {SELECTOR}"
            )


def _runs_on(gpu: Gpu, built: tuple[str, ...]) -> bool:
    """Whether code for one of the architectures runs on a GPU."""
    if not gpu.architecture.startswith("sm_"):
        return gpu.architecture.partition(":")[0] in built
    mine = _number(gpu.architecture)
    return any(_serves(name, mine) for name in built)


def _serves(name: str, mine: tuple[int, int]) -> bool:
    """Whether code runs on a compute capability: ``a`` on that alone, ``f`` on its family."""
    code = _number(name)
    if name.startswith("compute_"):
        return code <= mine
    if name.endswith("a"):
        return code == mine
    return code[0] == mine[0] and code[1] <= mine[1]


def _number(architecture: str) -> tuple[int, int]:
    """``sm_120`` is 12.0."""
    digits = re.sub(r"\D", "", architecture) or "0"
    return divmod(int(digits), 10)


def _mps(facts: Facts) -> Iterator[str]:
    """Apple's GPUs."""
    if facts.system != "Darwin" or facts.mps:
        return
    needed = (14, 0) if as_version(facts.torch) >= (2, 10) else (13, 0)
    if facts.processor != "arm64":
        yield (
            f"This Python runs as {facts.processor}, and torch uses Apple's GPUs from arm64 alone. "
            "On a Mac with an Apple chip, install Python for arm64; on one with an Intel chip the "
            "CPU is used."
        )
    elif not facts.mps_built:
        yield (f"torch {facts.torch} was built without MPS, so Apple's GPU is not used. {SELECTOR}")
    elif facts.macos is not None and facts.macos < needed:
        yield (
            f"torch {facts.torch} uses Apple's GPU from macOS {_dotted(needed)} on; this is macOS "
            f"{_dotted(facts.macos)}. Update macOS."
        )
    else:
        yield "torch was built with MPS, but finds no GPU of Apple's: in a virtual machine none is."


def _tensorflow(facts: Facts) -> Iterator[str]:
    """TensorFlow on the CPU beside a torch that uses an NVIDIA GPU."""
    if facts.tensorflow is None or not facts.gpus or facts.torch_rocm:
        return
    if facts.system == "Windows":
        yield (
            f"TensorFlow {facts.tensorflow} uses no GPU on Windows (2.10 was the last to); the "
            "Keras cells compute on the CPU. Under WSL 2 they would use it."
        )
    elif facts.tensorflow_lacks:
        yield (
            f"torch sees a GPU, but TensorFlow {facts.tensorflow} was installed without "
            f"{_list(facts.tensorflow_lacks)}: unless the system has CUDA of its own, the Keras "
            "cells compute on the CPU. Install: pip install 'tensorflow[and-cuda]'"
        )


def _hiding(facts: Facts, *names: str, count: int = 0) -> str:
    """The first of these variables that selects no GPU, as an assignment; "" where none is so."""
    return next(
        (
            f"{name}={value!r}"
            for name, value in facts.hiding
            if name in names and not _selects(value, count)
        ),
        "",
    )


def _selects(value: str, count: int) -> bool:
    """Whether a list of GPUs chooses at least one of `count`; 0 means that nobody knows how many.

    The driver stops reading at the first entry that it does not know.
    """
    first = value.partition(",")[0].strip()
    if first.isdecimal():
        return count == 0 or int(first) < count
    return first.startswith(("GPU-", "MIG-"))


def _here(gpus: tuple[str, ...]) -> str:
    """Which GPUs there are, where they are known."""
    return f" ({_list(gpus)})" if gpus else ""


def _list(things: tuple[str, ...]) -> str:
    """Each once, the first three, and how many more."""
    kinds = list(dict.fromkeys(things))
    more = f" and {len(kinds) - 3} more" if len(kinds) > 3 else ""
    return ", ".join(kinds[:3]) + more


def _dotted(version: tuple[int, int]) -> str:
    """A version as it is written."""
    return f"{version[0]}.{version[1]}"
