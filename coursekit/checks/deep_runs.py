"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.columns import uneven_inputs
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, linear_layers, outcome, reading
from coursekit.checks.trained import accurate, at_weights
from coursekit.checks.wording import two_digits

Floats = npt.NDArray[np.float64]

HEALTHY = 0.85  # accuracy; a guess is right in one of ten
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
SHIFTED = 0.5  # standard deviations between training and held-out rows, all columns together
VANISHED = 0.01  # gradient norm of the first layer over the last one's, before training
LEAP = 0.5  # how far an epoch may move the weights, in their own size; a healthy one moves .1
STILL = 1e-3  # how far the last epoch must move them; a healthy one moves .02


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly.
        rows: Training rows as they enter the network, shape (rows, features).
        held_out: Held-out rows at the same place.
        labels: Class numbers of the training rows, shape (rows,).
        moves: How far each epoch moved all weights, over their size at the start.
        gradient_ratio: Gradient norm of the first Linear's weight over the last one's, on all
            training rows, with the weights of the start.
    """

    accuracy: float
    rows: Floats
    held_out: Floats
    labels: npt.NDArray[np.int64]
    moves: tuple[float, ...]
    gradient_ratio: float


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, weights and accuracy"):
        (rows, labels), (held_out, _) = found["train"].tensors, found["test"].tensors
        weights: list[Tensor] = list(found["weights"])
        size = float(weights[0].norm())
        moves = [float((after - before).norm()) / size for before, after in pairwise(weights)]
        return Run(
            accuracy=float(found["accuracy"]),
            rows=rows.double().numpy(),
            held_out=held_out.double().numpy(),
            labels=labels.numpy(),
            moves=tuple(moves),
            gradient_ratio=_gradient_ratio(found["model"], weights[0], rows, labels),
        )


def shift(run: Run) -> float:
    """How far held-out rows lie from training rows, in standard deviations.

    Over all columns together: single pixels that are seldom used would differ by chance.
    """
    gap = abs(float(run.held_out.mean() - run.rows.mean())) / float(run.rows.std())
    return max(gap, abs(math.log(float(run.held_out.std() / run.rows.std()))))


def largest_move(run: Run) -> float:
    """How far the wildest epoch moved the weights; infinite where they are no numbers any more."""
    return max((move if math.isfinite(move) else math.inf for move in run.moves), default=0.0)


def last_move(run: Run) -> float:
    """How far the last epoch moved the weights."""
    return run.moves[-1] if run.moves else 0.0


CAUSES: Mapping[str, Cause[Run]] = {
    "A": uneven_inputs(above=UNEVEN),
    "B": Cause(
        holds=lambda run: shift(run) > SHIFTED,
        measured=lambda run: (
            "training and held-out rows agree in their mean and spread to within "
            f"{two_digits(shift(run))} standard deviations"
        ),
    ),
    "C": Cause(
        holds=lambda run: run.gradient_ratio < VANISHED,
        measured=lambda run: (
            "before training, the gradient norm of the first layer is "
            f"{two_digits(run.gradient_ratio)} times that of the last"
        ),
    ),
    "D": Cause(
        holds=lambda run: largest_move(run) > LEAP,
        measured=lambda run: (
            "no epoch moved the weights by more than "
            f"{two_digits(largest_move(run))} times their size"
        ),
    ),
    "E": Cause(
        holds=lambda run: last_move(run) < STILL,
        measured=lambda run: (
            f"the last epoch moved the weights by {two_digits(last_move(run))} times their size"
        ),
    ),
    "F": accurate(enough=HEALTHY),
}


def _gradient_ratio(model: nn.Module, start: Tensor, rows: Tensor, labels: Tensor) -> float:
    """Gradient norm of the first Linear's weight over the last one's, in a copy set to start."""
    twin = at_weights(model, start).train()
    linears = linear_layers(twin)
    loss = nn.functional.cross_entropy(twin(rows), labels)
    first, last = torch.autograd.grad(loss, [linears[0].weight, linears[-1].weight])
    return float(first.norm() / last.norm())
