"""What is to be known about a machine before one can say why a GPU is not used.

`Facts` are plain values: `coursekit.device.mismatch` turns them into sentences, and never looks
at the machine. `coursekit.device.look` does.
"""

from dataclasses import dataclass

Version = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Driver:
    """The NVIDIA driver, as it speaks for itself.

    Attributes:
        cuda: The newest CUDA that it serves; None where its library is not found.
        gpus: Names of the GPUs that it knows, hidden ones included.
        complaint: What ``nvidia-smi`` said instead of naming GPUs; "" where it did not complain.
    """

    cuda: Version | None = None
    gpus: tuple[str, ...] = ()
    complaint: str = ""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A CUDA device, as torch sees it; with ROCm, torch calls AMD's GPUs so as well.

    Attributes:
        device: The name that torch takes, such as ``"cuda:0"``.
        name: The name of the product.
        architecture: ``"sm_90"`` for NVIDIA's compute capability 9.0; ``"gfx90a"`` for AMD's.
        memory_gb: Its memory in 10**9 bytes.
        free_gb: What no process holds of it; None where the driver does not say.
        bfloat16: Whether it computes bfloat16 itself.
    """

    device: str
    name: str
    architecture: str
    memory_gb: float
    free_gb: float | None
    bfloat16: bool


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was observed on a machine.

    Attributes:
        system: ``platform.system()``: ``"Linux"``, ``"Windows"``, ``"Darwin"``.
        processor: ``platform.machine()``: ``"x86_64"``, ``"arm64"`` …
        macos: Version of macOS; None elsewhere.
        torch: Version of torch.
        torch_cuda: The CUDA that torch was built for; None for another build.
        torch_rocm: The ROCm that torch was built for; None for another build.
        torch_architectures: The GPUs that torch was built for: ``"sm_90"``, ``"compute_90"``.
        gpus: The CUDA devices that torch can use.
        mps_built: Whether torch was built for Apple's GPUs.
        mps: Whether torch can use one.
        nvidia: The NVIDIA driver; None where there is none.
        amd: Whether the system has AMD's driver for computing.
        hiding: Variables of the environment that choose among GPUs, with their values.
        named: The value of ``COURSEKIT_DEVICE``; None where it is not set.
        tensorflow: Version of TensorFlow; None where it is not installed.
        tensorflow_lacks: Packages that it needs to use an NVIDIA GPU and that are not installed.
    """

    system: str
    processor: str
    torch: str
    macos: Version | None = None
    torch_cuda: str | None = None
    torch_rocm: str | None = None
    torch_architectures: tuple[str, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    mps_built: bool = False
    mps: bool = False
    nvidia: Driver | None = None
    amd: bool = False
    hiding: tuple[tuple[str, str], ...] = ()
    named: str | None = None
    tensorflow: str | None = None
    tensorflow_lacks: tuple[str, ...] = ()

    @property
    def devices(self) -> tuple[str, ...]:
        """What `coursekit.pick_device` can give, the fastest first."""
        cuda = ("cuda", *(gpu.device for gpu in self.gpus)) if self.gpus else ()
        return (*cuda, *(("mps",) if self.mps else ()), "cpu")


def as_version(text: str) -> Version:
    """The first two numbers of a version; 0 where there is none.

    >>> as_version("2.13.0+cpu"), as_version("14")
    ((2, 13), (14, 0))
    """
    numbers = [int(part) for part in text.partition("+")[0].split(".")[:2] if part.isdecimal()]
    return (numbers[0] if numbers else 0, numbers[1] if len(numbers) > 1 else 0)
