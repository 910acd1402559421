"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

import copy
import math
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
from coursekit.checks.trained import accurate, first_step, named_rightly, one_class
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.85  # accuracy; a guess is right in one of ten
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
LEAP = 0.15  # first step over the weights; at rate .3 it is .02, at rate 3 ten times that
ASTRAY = 5.0  # degrees, mean over the first steps; a step along its own batch has none
FIRST_STEPS = 32
STILL = 1e-6  # of a layer's size: less than any step that is taken
ONE_CLASS = 0.8  # share of the most frequent class in a batch; shuffled digits have .2


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        rows: Training rows as they enter the network, shape (rows, features).
        labels: Class numbers of the training rows, shape (rows,).
        first_step: Length of the first step over the size of the weights.
        astray: Angle between a step and its batch's own gradient in degrees, mean over the first
            steps.
        least_moved: How far the layer that moved least came in the whole run, over its size.
        one_class: Share of the most frequent class in a batch, mean over the batches.
    """

    accuracy: float
    rows: Array
    labels: Labels
    first_step: float
    astray: float
    least_moved: float
    one_class: float


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, batches, weights and accuracy"):
        model, weights = found["model"].eval(), list(found["weights"])
        (rows, labels), (held_out, answers) = found["train"].tensors, found["test"].tensors
        batches = [torch.as_tensor(batch) for batch in found["batches"]]
        return Run(
            accuracy=named_rightly(model, held_out, answers),
            rows=rows.numpy(),
            labels=labels.numpy(),
            first_step=first_step(weights),
            astray=_astray(model, weights, [(rows[batch], labels[batch]) for batch in batches]),
            least_moved=_least_moved(model, weights),
            one_class=one_class([labels[batch] for batch in batches]),
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
        holds=lambda run: run.astray > ASTRAY,
        measured=lambda run: (
            f"the first steps go {run.astray:.0f}° away from the gradients of their own batches, "
            "in the mean"
        ),
    ),
    "D": Cause(
        holds=lambda run: run.least_moved < STILL,
        measured=lambda run: (
            "the layer that moved least came "
            f"{two_digits(run.least_moved)} times its own size from where it began"
        ),
    ),
    "E": Cause(
        holds=lambda run: run.one_class > ONE_CLASS,
        measured=lambda run: (
            f"the most frequent class makes up {two_digits(run.one_class)} of a batch"
        ),
    ),
    "F": accurate(enough=HEALTHY),
}


def _astray(
    model: nn.Module, weights: Sequence[Tensor], batches: Sequence[tuple[Tensor, Tensor]]
) -> float:
    """Mean angle between the first steps and the gradients of their batches, in degrees.

    A frozen weight has no gradient and does not move: it counts in neither.
    """
    twin = copy.deepcopy(model).train()
    free = [weight for weight in twin.parameters() if weight.requires_grad]
    trained = torch.cat([
        torch.full((weight.numel(),), weight.requires_grad) for weight in twin.parameters()
    ])  # fmt: skip
    angles = [0.0]
    for step, (inputs, labels) in enumerate(batches[:FIRST_STEPS]):
        nn.utils.vector_to_parameters(weights[step].clone(), twin.parameters())
        loss = nn.functional.cross_entropy(twin(inputs), labels)
        own = torch.cat([part.flatten() for part in torch.autograd.grad(loss, free)])
        taken = (weights[step] - weights[step + 1])[trained]
        if taken.any() and own.any() and torch.isfinite(taken).all():
            cosine = torch.cosine_similarity(own.double(), taken.double(), dim=0)
            angles.append(math.degrees(math.acos(min(1.0, float(cosine)))))
    return float(np.mean(angles))


def _least_moved(model: nn.Module, weights: Sequence[Tensor]) -> float:
    """How far the weight tensor that moved least came, over its own size."""
    sizes = [parameter.numel() for parameter in model.parameters()]
    before, after = (torch.split(weights[place], sizes) for place in (0, -1))
    return min(
        float((new - old).norm() / old.norm()) for old, new in zip(before, after, strict=True)
    )
