"""Which precision a device computes fastest in, without harm."""

import torch


def best_dtype(device: torch.device) -> torch.dtype:
    """The precision for mixed-precision training on a device.

    bfloat16 where the hardware computes it (NVIDIA from compute capability 8.0 on, and AMD): it
    has the range of float32. float16, which needs scaled losses, on older CUDA devices. float32
    on the CPU, where less is seldom faster, and on MPS, whose first generation has no bfloat16.

    >>> best_dtype(torch.device("cpu"))
    torch.float32
    """
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if has_bfloat16(device) else torch.float16


def has_bfloat16(device: torch.device) -> bool:
    """Whether a CUDA device computes bfloat16 itself, rather than by way of float32."""
    if torch.version.hip is not None:
        return True
    return torch.cuda.get_device_capability(device) >= (8, 0)
