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
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.8  # accuracy; a guess is right in one of ten
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
LOUD = 10.0  # loss before the first step; ln 10 is 2.3
VANISHED = 0.01  # gradient norm of the first layer over the last one's, before training
LEFT = 0.5  # size of all weights at the end over that at the start; a healthy one grows
RATES = ({"lr": 0.03}, {"lr": 0.0003})  # what would heal a rate that is too low, or too high
WIDER = ({"hidden": 128},)  # what would heal a network that is too small


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        rows: Training rows as they enter the network, shape (rows, features).
        labels: Class numbers of the training rows, shape (rows,).
        first_loss: Mean loss of all training rows before the first step.
        gradient_ratio: Gradient norm of the first Linear's weight over the last one's, then.
        left: Size of all weights at the end over that at the start.
    """

    accuracy: float
    rows: Array
    labels: Labels
    first_loss: float
    gradient_ratio: float
    left: float


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script.

    Raises:
        CheckFailed: There is no such optimizer, or a setting is no number where the script takes
            one; or the script raised an error.
    """
    for name, value in settings.items():
        if name != "method" and not isinstance(value, int | float):
            raise CheckFailed(f"{name} got {kind_of(value)}; expected a number.")
    method = settings.get("method", "Adam")
    if not hasattr(torch.optim, str(method)):
        raise CheckFailed(f"torch.optim has no optimizer {method!r}; capitals count.")
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, weights and accuracy"):
        model, weights = found["model"].eval(), list(found["weights"])
        (rows, labels), (held_out, answers) = found["train"].tensors, found["test"].tensors
        loss, ratio = _before(model, weights[0], rows, labels)
        return Run(
            accuracy=named_rightly(model, held_out, answers),
            rows=rows.numpy(),
            labels=labels.numpy(),
            first_loss=loss,
            gradient_ratio=ratio,
            left=float(weights[-1].norm() / weights[0].norm()),
        )


def size_at_the_end(left: float) -> str:
    """What is left of the weights, in words.

    >>> size_at_the_end(0.0204)
    'all weights have 0.02 times the size of the start'
    """
    return f"all weights have {two_digits(left)} times the size of the start"


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
        others=lambda _: RATES,
        measured=lambda run: f"as the script was given it is {run.accuracy:.2f}",
    ),
    "E": Cause(
        holds=lambda run: run.left < LEFT,
        measured=lambda run: f"at the end {size_at_the_end(run.left)}",
    ),
    "F": Cause(
        others=lambda _: WIDER,
        measured=lambda run: f"as the script was given it is {run.accuracy:.2f}",
    ),
    "G": accurate(enough=HEALTHY),
}


def _before(model: nn.Module, start: Tensor, rows: Tensor, labels: Tensor) -> tuple[float, float]:
    """The loss with the weights of the start, and the gradient norms' ratio, first over last."""
    twin = at_weights(model, start)
    linears = linear_layers(twin)
    loss = nn.functional.cross_entropy(twin(rows), labels)
    first, last = torch.autograd.grad(loss, [linears[0].weight, linears[-1].weight])
    return float(loss.detach()), float(first.norm() / last.norm())
