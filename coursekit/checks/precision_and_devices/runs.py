"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.columns import uneven_inputs
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, outcome, reading
from coursekit.checks.trained import accurate, at_weights, first_step
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.85  # accuracy; a guess is right in one of ten
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
LEAP = 0.5  # first step over the weights; at a rate of .01 it is .15, at .1 ten times that
LOST = 0.13  # share of the first gradient that is 0; where the accuracy has come back it is .22,
# with a scale that fits next to none
PROBABILITIES = 1e-3  # how near to 1 the outputs of each row add up


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        rows: Training rows as they enter the network, shape (rows, features).
        labels: Class numbers of the training rows, shape (rows,).
        first_step: Length of the first step over the size of the weights.
        lost: Share of the first gradient that is 0 and is not 0 in float32.
        broken: How many entries of gradients and weights are NaN or infinite.
        sums: How far the sums of a row's outputs lie from 1, at the most.
    """

    accuracy: float
    rows: Array
    labels: Labels
    first_step: float
    lost: float
    broken: int
    sums: float


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, batches, gradients, weights and accuracy"):
        model = copy.deepcopy(found["model"]).eval()
        weights, gradients = list(found["weights"]), list(found["gradients"])
        (rows, labels), (held_out, answers) = found["train"].tensors, found["test"].tensors
        with torch.no_grad():
            outputs = model(held_out)
        batch = torch.as_tensor(found["batches"][0])
        return Run(
            accuracy=float((outputs.argmax(dim=1) == answers).float().mean()),
            rows=rows.numpy(),
            labels=labels.numpy(),
            first_step=first_step(weights),
            lost=_lost(model, weights[0], (rows[batch], labels[batch]), gradients[0]),
            broken=_not_finite([*weights, *gradients]),
            sums=float((outputs.sum(dim=1) - 1).abs().max()),
        )


CAUSES: Mapping[str, Cause[Run]] = {
    "A": uneven_inputs(above=UNEVEN),
    "B": Cause(
        holds=lambda run: not run.first_step <= LEAP,
        measured=lambda run: (
            f"the first step moves the weights by {two_digits(run.first_step)} times their size"
        ),
    ),
    "C": Cause(
        holds=lambda run: run.lost > LOST,
        measured=lambda run: (
            f"of the first gradient's entries that are not 0 in float32, {run.lost:.0%} are 0"
        ),
    ),
    "D": Cause(
        holds=lambda run: run.broken > 0,
        measured=lambda run: f"{run.broken} entries of gradients and weights are NaN or infinite",
    ),
    "E": Cause(
        holds=lambda run: run.sums < PROBABILITIES,
        measured=lambda run: (
            f"the outputs of some row add up to a number that is {two_digits(run.sums)} away from 1"
        ),
    ),
    "F": accurate(enough=HEALTHY),
}


def _lost(model: nn.Module, start: Tensor, batch: tuple[Tensor, Tensor], gradient: Tensor) -> float:
    """Share of a gradient that is 0, of what is not 0 in float32 at the same weights."""
    twin = at_weights(model, start).train()
    inputs, labels = batch
    loss = nn.functional.cross_entropy(twin(inputs), labels)
    true = torch.cat(
        [part.flatten() for part in torch.autograd.grad(loss, list(twin.parameters()))]
    )
    there = true != 0
    return float((gradient[there] == 0).float().mean())


def _not_finite(vectors: Sequence[Tensor]) -> int:
    """How many entries are NaN or infinite."""
    return int(sum((~torch.isfinite(vector)).sum() for vector in vectors))
