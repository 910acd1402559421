"""What a run of task 3's script did, and the measurement that each lettered cause stands on.

Three letters are judged by running the script at other settings: a rate that is to blame is one
that another rate heals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit.checks.columns import largest_shift, uneven_columns
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, at_first_linear, outcome, reading
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.85  # accuracy; 40 % of the rows are of the largest class
UNEVEN = 10.0  # widest column over the middle one; standardised columns give 1, raw ones 200
SHIFTED = 1.0  # standard deviations; BatchNorm's usual running averages give .3


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        lr: The learning rate that it began with.
        rows: The training rows as they are, shape (rows, features).
        labels: Their class numbers, shape (rows,).
        trained_on: The training rows as they reached the first Linear layer in training.
        in_use: The held-out rows as they reach it in use.
        last_loss: Mean training loss of the last epoch.
    """

    accuracy: float
    lr: float
    rows: Array
    labels: Labels
    trained_on: Array
    in_use: Array
    last_loss: float


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, lr and accuracy"):
        model = found["model"]
        (train, labels), (test, test_labels) = found["train"].tensors, found["test"].tensors
        in_use, logits = at_first_linear(model.eval(), test)
        trained_on, _ = at_first_linear(model.train(), train)
        model.eval()
        return Run(
            accuracy=float((logits.argmax(dim=1) == test_labels).float().mean()),
            lr=float(found["lr"]),
            rows=train.numpy(),
            labels=labels.numpy(),
            trained_on=trained_on.numpy(),
            in_use=in_use.numpy(),
            last_loss=float(np.mean(found["losses"][-6:])),
        )


def shift(run: Run) -> float:
    """Largest gap between a column's means in training and in use, in standard deviations."""
    return largest_shift(run.trained_on, run.in_use)


def _ending(run: Run) -> str:
    """Where the training loss ends: what a rate or a scheduler that is to blame would spoil."""
    return f"the training loss of the untouched run ends at {run.last_loss:.1g}"


CAUSES: Mapping[str, Cause[Run]] = {
    "A": Cause(others=lambda run: tuple({"lr": run.lr / by} for by in (3, 10)), measured=_ending),
    "B": Cause(others=lambda run: tuple({"lr": run.lr * by} for by in (3, 10)), measured=_ending),
    "C": uneven_columns(lambda run: run.trained_on, above=UNEVEN),
    "D": Cause(
        holds=lambda run: shift(run) > SHIFTED,
        measured=lambda run: (
            "at the first Linear layer, the means of training rows in training and of held-out "
            f"rows in use differ by {two_digits(shift(run))} standard deviations in some column"
        ),
    ),
    "E": Cause(others=lambda _: ({"gamma": 1.0},), measured=_ending),
    "F": Cause(
        holds=lambda run: run.accuracy >= HEALTHY,
        measured=lambda run: (
            f"the accuracy on held-out rows is {run.accuracy:.2f}, and the largest class has 0.40"
        ),
    ),
}
