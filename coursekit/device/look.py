"""Look at the machine: the thin shell around `Facts`. TensorFlow is looked up, not loaded."""

import ctypes
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import torch

from coursekit.device.facts import Driver, Facts, Gpu, as_version
from coursekit.device.mismatch import VISIBLE
from coursekit.device.pick import VARIABLE
from coursekit.device.precision import has_bfloat16

NVIDIA_SMI = ("--query-gpu=name,uuid,memory.free", "--format=csv,noheader,nounits")
NOTHING_FOUND = "No devices were found"
SECONDS = 20


def look() -> Facts:
    """What is observed on this machine, now.

    >>> look().devices[-1]
    'cpu'
    """
    nvidia, free_gb = _nvidia()
    system = platform.system()
    return Facts(
        system=system,
        processor=platform.machine(),
        macos=as_version(platform.mac_ver()[0]) if system == "Darwin" else None,
        torch=torch.__version__,
        torch_cuda=torch.version.cuda,
        torch_rocm=torch.version.hip,
        torch_architectures=tuple(torch.cuda.get_arch_list()),
        gpus=_gpus(free_gb),
        mps_built=torch.backends.mps.is_built(),
        mps=torch.backends.mps.is_available(),
        nvidia=nvidia,
        amd=Path("/dev/kfd").exists(),
        hiding=tuple((name, os.environ[name]) for name in VISIBLE if name in os.environ),
        named=os.environ.get(VARIABLE),
        tensorflow=version_of("tensorflow"),
        tensorflow_lacks=_lacking("tensorflow", "and-cuda") if system == "Linux" else (),
    )


def version_of(package: str) -> str | None:
    """The version of a package, without loading it; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _gpus(free_gb: dict[str, float]) -> tuple[Gpu, ...]:
    """The CUDA devices; none where torch cannot start them, for which it may have a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # our own sentences say it
        try:
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
            return tuple(_gpu(number, free_gb) for number in range(count))
        except RuntimeError:
            return ()


def _gpu(number: int, free_gb: dict[str, float]) -> Gpu:
    """One CUDA device; asking torch for its free memory would take some hundred MB of it."""
    facts = torch.cuda.get_device_properties(number)
    nvidia = f"sm_{facts.major}{facts.minor}"
    return Gpu(
        device=f"cuda:{number}",
        name=facts.name,
        architecture=nvidia if torch.version.hip is None else facts.gcnArchName,
        memory_gb=facts.total_memory / 1e9,
        free_gb=free_gb.get(str(getattr(facts, "uuid", "")).removeprefix("GPU-")),
        bfloat16=has_bfloat16(torch.device("cuda", number)),
    )


def _nvidia() -> tuple[Driver | None, dict[str, float]]:
    """The NVIDIA driver, and the free memory of its GPUs by their number of identity."""
    cuda = _driver_cuda()
    status, said = _nvidia_smi()
    if status is None:
        return (Driver(cuda=cuda) if cuda else None), {}
    if status != 0 or NOTHING_FOUND in said:
        complaint = "" if NOTHING_FOUND in said else f"nvidia-smi says: {_first_line(said)}"
        return Driver(cuda=cuda, complaint=complaint), {}
    rows = [[cell.strip() for cell in line.split(",")] for line in said.splitlines() if line]
    whole = [row for row in rows if len(row) == 3]
    free = {uuid.removeprefix("GPU-"): int(mib) * 2**20 / 1e9
            for _, uuid, mib in whole if mib.isdecimal()}  # fmt: skip
    return Driver(cuda=cuda, gpus=tuple(name for name, _, _ in whole)), free


def _nvidia_smi() -> tuple[int | None, str]:
    """Exit status and words of ``nvidia-smi``; None where it is not installed."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None, ""
    try:
        done = subprocess.run(
            [program, *NVIDIA_SMI], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, done.stdout.strip() or done.stderr.strip()


def _driver_cuda() -> tuple[int, int] | None:
    """The newest CUDA that the driver serves, from its own library, which this does not start."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1")
        number = ctypes.c_int()
        if library.cuDriverGetVersion(ctypes.byref(number)) != 0:
            return None
    except (OSError, AttributeError):
        return None
    return number.value // 1000, number.value % 1000 // 10


def _lacking(package: str, extra: str) -> tuple[str, ...]:
    """The packages of an extra that are not installed."""
    try:
        needed = importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    names = [re.split(r"[^\w.-]", line)[0] for line in needed if extra in line.partition(";")[2]]
    return tuple(name for name in names if version_of(name) is None)


def _first_line(text: str) -> str:
    """The first line that says something, ended as a sentence."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "nothing")
    return line if line.endswith(".") else f"{line}."
