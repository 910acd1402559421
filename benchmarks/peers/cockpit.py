"""Cockpit: its "economy" measurements around a hand-written loop, as its first example shows."""

import time
import warnings
from collections.abc import Callable

import torch
from backpack import extend
from cockpit import Cockpit
from cockpit.utils.configuration import configuration
from torch import Tensor, nn


def train(
    model: nn.Module, x: Tensor, y: Tensor, *, lr: float, steps: int, reads: Callable[[int], bool]
) -> tuple[float, int]:
    """Train on one batch with SGD and cross-entropy, measuring on the way.

    Args:
        model: Trained in place.
        x: Inputs, shape (rows, features).
        y: Class numbers, shape (rows,).
        lr: Learning rate.
        steps: Optimizer steps.
        reads: Which steps are measured.

    Returns:
        Seconds, and how many steps were measured.
    """
    loss_fn, each = nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="none")
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    begin = time.perf_counter()
    extend(model)
    extend(loss_fn)
    cockpit = Cockpit(model.parameters(), quantities=configuration("economy", track_schedule=reads))
    with warnings.catch_warnings():
        # BackPACK hangs full backward hooks on a first layer whose inputs need no gradient.
        warnings.filterwarnings("ignore", message="Full backward hook is firing")
        for step in range(steps):
            optimizer.zero_grad()
            outputs = model(x)  # (rows, classes)
            loss = loss_fn(outputs, y)
            losses = each(outputs, y).detach()
            info = {
                "batch_size": len(x),
                "individual_losses": losses,
                "loss": loss,
                "optimizer": optimizer,
            }
            with cockpit(step, info=info):
                loss.backward(create_graph=cockpit.create_graph(step))
            optimizer.step()
    seconds = time.perf_counter() - begin
    return seconds, len(
        next(q.output for q in cockpit.quantities if type(q).__name__ == "GradNorm")
    )
