"""What a run of task 3's script did, and the measurement that each lettered cause stands on.

A letter is judged by measuring the run, so no answer is stored anywhere.
"""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.verdicts import CheckFailed
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


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One lettered cause.

    Attributes:
        holds: Whether this is what is the matter with a run.
        measured: The measurement that says so, or that it is not, in a clause of a sentence.
    """

    holds: Callable[[Run], bool]
    measured: Callable[[Run], str]


def read(outcome: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    try:
        return _read(outcome)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckFailed(
            "experiment does not return what it did: a dictionary of model, train, test, losses, "
            "weights and accuracy. Undo your edit of its cell."
        ) from error


def unevenness(run: Run) -> float:
    """Standard deviation of the widest input column over that of the middle one."""
    deviations = run.rows.std(axis=0)  # (features,)
    return float(deviations.max() / max(float(np.median(deviations)), 1e-12))


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


CAUSES: Mapping[str, Cause] = {
    "A": Cause(
        holds=lambda run: unevenness(run) > UNEVEN,
        measured=lambda run: (
            "the standard deviation of the widest input is "
            f"{two_digits(unevenness(run))} times that of the middle one"
        ),
    ),
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
    "F": Cause(
        holds=lambda run: run.accuracy >= HEALTHY,
        measured=lambda run: f"the accuracy on held-out rows is {run.accuracy:.2f}",
    ),
}


def _read(outcome: Any) -> Run:
    """`read`, where the dictionary is as it should be."""
    (rows, labels), (held_out, _) = outcome["train"].tensors, outcome["test"].tensors
    weights: list[Tensor] = list(outcome["weights"])
    size = float(weights[0].norm())
    moves = [float((after - before).norm()) / size for before, after in pairwise(weights)]
    return Run(
        accuracy=float(outcome["accuracy"]),
        rows=rows.double().numpy(),
        held_out=held_out.double().numpy(),
        labels=labels.numpy(),
        moves=tuple(moves),
        gradient_ratio=_gradient_ratio(outcome["model"], weights[0], rows, labels),
    )


def _gradient_ratio(model: nn.Module, start: Tensor, rows: Tensor, labels: Tensor) -> float:
    """Gradient norm of the first Linear's weight over the last one's, in a copy set to start."""
    twin = copy.deepcopy(model).train()
    nn.utils.vector_to_parameters(start.clone(), twin.parameters())
    linears = [layer for layer in twin.modules() if isinstance(layer, nn.Linear)]
    loss = nn.functional.cross_entropy(twin(rows), labels)
    first, last = torch.autograd.grad(loss, [linears[0].weight, linears[-1].weight])
    return float(first.norm() / last.norm())
