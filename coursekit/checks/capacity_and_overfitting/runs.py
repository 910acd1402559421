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
from coursekit.checks.trained import accurate, at_weights, first_step, named_rightly
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.7  # accuracy; a guess is right in one of ten
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
LEAP = 0.15  # first step over the weights; at rate .2 it is .03
LEFT = 0.5  # size of all weights at the end over that at the start; a healthy one grows
SILENT = 0.9  # zeros among what reaches the last layer in training; with dropout .2 it is .6
BY_HEART = 0.15  # accuracy on the training rows less that on held-out ones
WIDER = ({"hidden": 128}, {"hidden": 256})  # what would heal a network that is too small


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        in_training: The same of the training rows.
        rows: Training rows as they enter the network, shape (rows, features).
        labels: Class numbers of the training rows, shape (rows,).
        first_step: Length of the first step over the size of the weights.
        left: Size of all weights at the end over that at the start.
        silent: Share of zeros among what reaches the last layer in training mode, at the start.
        by_relu: The same in evaluation mode, where dropout makes none.
    """

    accuracy: float
    in_training: float
    rows: Array
    labels: Labels
    first_step: float
    left: float
    silent: float
    by_relu: float

    @property
    def gap(self) -> float:
        """How much better the training rows are named than held-out ones."""
        return self.in_training - self.accuracy


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, weights and accuracy"):
        model, weights = found["model"].eval(), list(found["weights"])
        (rows, labels), (held_out, answers) = found["train"].tensors, found["test"].tensors
        return Run(
            accuracy=named_rightly(model, held_out, answers),
            in_training=named_rightly(model, rows, labels),
            rows=rows.numpy(),
            labels=labels.numpy(),
            first_step=first_step(weights),
            left=float(weights[-1].norm() / weights[0].norm()),
            silent=_silent(model, weights[0], rows, training=True),
            by_relu=_silent(model, weights[0], rows, training=False),
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
        holds=lambda run: run.left < LEFT,
        measured=lambda run: (
            f"at the end all weights have {two_digits(run.left)} times the size of the start"
        ),
    ),
    "D": Cause(
        holds=lambda run: run.silent > SILENT,
        measured=lambda run: (
            f"of what reaches the last layer in training, {run.silent:.0%} is zero; ReLU alone "
            f"makes {run.by_relu:.0%}"
        ),
    ),
    "E": Cause(
        holds=lambda run: run.gap > BY_HEART,
        measured=lambda run: (
            f"the accuracy is {run.in_training:.2f} on the training rows and {run.accuracy:.2f} on "
            "held-out ones"
        ),
    ),
    "F": Cause(
        others=lambda _: WIDER,
        measured=lambda run: f"as the script was given it is {run.accuracy:.2f}",
    ),
    "G": accurate(enough=HEALTHY),
}


def _silent(model: nn.Module, start: Tensor, rows: Tensor, *, training: bool) -> float:
    """Share of zeros among what reaches the last Linear, in a copy set back to the start."""
    twin = at_weights(model, start).train(training)
    seen: list[Tensor] = []
    last = linear_layers(twin)[-1]
    last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        twin(rows)
    return float((seen[0] == 0).float().mean())
