"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.columns import uneven_inputs
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, linear_layers, outcome, reading
from coursekit.checks.trained import accurate, at_weights, named_rightly
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.75  # accuracy; a guess is right in one of ten, a tenth of a good rate reaches .8
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
LOUD = 10.0  # loss before the first step; ln 10 is 2.3, and He's weights give at most 3
VANISHED = 0.01  # gradient norm of the first layer over the last one's, before training
DEAD = 0.25  # share of the hidden units; at a good rate it stays below .1


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        rows: Training rows as they enter the network, shape (rows, features).
        labels: Class numbers of the training rows, shape (rows,).
        first_loss: Mean loss of all training rows before the first step.
        gradient_ratio: Gradient norm of the first Linear's weight over the last one's, then.
        dead_before: Share of the hidden units that are 0 for every training row, then.
        dead_after: The same at the end.
    """

    accuracy: float
    rows: Array
    labels: Labels
    first_loss: float
    gradient_ratio: float
    dead_before: float
    dead_after: float


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, weights and accuracy"):
        model, start = found["model"].eval(), found["weights"][0]
        (rows, labels), (held_out, answers) = found["train"].tensors, found["test"].tensors
        before = at_weights(model, start)
        linears = linear_layers(before)
        loss = nn.functional.cross_entropy(before(rows), labels)
        first, last = torch.autograd.grad(loss, [linears[0].weight, linears[-1].weight])
        return Run(
            accuracy=named_rightly(model, held_out, answers),
            rows=rows.numpy(),
            labels=labels.numpy(),
            first_loss=float(loss.detach()),
            gradient_ratio=float(first.norm() / last.norm()),
            dead_before=dead(before, rows),
            dead_after=dead(model, rows),
        )


def dead(model: nn.Module, rows: Tensor) -> float:
    """Share of the ReLU units of a chain of layers that are 0 for every row.

    Args:
        model: Layers that follow each other.
        rows: Inputs, shape (rows, features).

    >>> layer = nn.Linear(1, 2)
    >>> _ = layer.weight.data.copy_(torch.tensor([[1.0], [-1.0]])), layer.bias.data.zero_()
    >>> dead(nn.Sequential(layer, nn.ReLU()), torch.tensor([[1.0], [2.0]]))
    0.5
    """
    fires = []
    with torch.no_grad():
        for layer in model.children():
            rows = layer(rows)
            if isinstance(layer, nn.ReLU):
                fires.append((rows != 0).any(dim=0))  # NaN counts as alive: it is another failure
    return float((~torch.cat(fires)).float().mean())


CAUSES: Mapping[str, Cause[Run]] = {
    "A": uneven_inputs(above=UNEVEN),
    "B": Cause(
        holds=lambda run: not run.first_loss <= LOUD,
        measured=lambda run: (
            f"before the first step the loss is {two_digits(run.first_loss)}, and a guess costs 2.3"
        ),
    ),
    "C": Cause(
        holds=lambda run: run.gradient_ratio < VANISHED,
        measured=lambda run: (
            "before the first step, the gradient norm of the first layer is "
            f"{two_digits(run.gradient_ratio)} times that of the last"
        ),
    ),
    "D": Cause(
        holds=lambda run: run.dead_after > DEAD,
        measured=lambda run: (
            f"{run.dead_before:.0%} of the hidden units are 0 for every training row before the "
            f"first step, {run.dead_after:.0%} at the end"
        ),
    ),
    "E": Cause(
        measured=lambda run: f"the accuracy on held-out rows is {run.accuracy:.2f}",
        others=lambda _: ({"decay": 0.75}, {"decay": 1.0}),
    ),
    "F": accurate(enough=HEALTHY),
}
