"""How much memory of a device tensors hold."""

import torch


def memory_bytes(device: torch.device) -> int | None:
    """Bytes that the tensors of this process hold on a GPU now; None on the CPU.

    The allocator keeps count on the host: nothing waits for the GPU. What it has reserved beyond
    its tensors is not in it, nor what other processes hold.

    >>> memory_bytes(torch.device("cpu"))
    """
    if device.type == "cuda":  # memory_allocated() sorts some hundred counts to return one
        counts = torch.cuda.memory_stats_as_nested_dict(device)
        return int(counts["allocated_bytes"]["all"]["current"]) if counts else 0
    return int(torch.mps.current_allocated_memory()) if device.type == "mps" else None
