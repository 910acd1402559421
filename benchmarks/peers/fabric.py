"""Lightning Fabric: a hand-written loop whose device and precision Fabric takes care of."""

import logging
import time
from collections.abc import Iterable
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn


def train(
    model: nn.Module,
    data: Iterable[Any],
    *,
    loss_fn: nn.Module,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    device: torch.device,
    mixed: bool,
) -> float:
    """Train in place; the seconds that it took, until the device had done it all.

    Args:
        model: On the device already.
        data: Yields pairs (inputs, labels) on the host.
        loss_fn: Of outputs and labels.
        optimizer: Of the model.
        epochs: Passes over the data.
        device: A CUDA device, or the CPU.
        mixed: bfloat16 where it is safe; else float32.
    """
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    fabric = Fabric(
        accelerator=device.type, devices=1, precision="bf16-mixed" if mixed else "32-true"
    )
    wrapped, optimizer = fabric.setup(model, optimizer)
    begin = _now(device)
    wrapped.train()
    for _ in range(epochs):
        for batch in data:
            inputs, labels = fabric.to_device(batch)
            optimizer.zero_grad()
            fabric.backward(loss_fn(wrapped(inputs), labels))
            optimizer.step()
    return _now(device) - begin


def _now(device: torch.device) -> float:
    """Seconds on the clock once the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
