"""What a run of task 3's script did, and the measurement that each lettered cause stands on.

All but what comes out of the network is read as in exercise 04.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from coursekit.checks import deep_runs as deep
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, outcome, reading
from coursekit.checks.wording import two_digits

Floats = npt.NDArray[np.float64]

HEALTHY = deep.HEALTHY
ADDS_UP = 1e-3  # how far from 1 the sum of a row of probabilities may be


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the script.

    Attributes:
        read: What exercise 04 reads of a run.
        outputs: What the trained network gives the loss for the training rows, shape (rows, 10).
    """

    read: deep.Run
    outputs: Floats

    @property
    def accuracy(self) -> float:
        """Share of the held-out rows that the network names rightly."""
        return self.read.accuracy

    @property
    def rows(self) -> Floats:
        """Training rows as they enter the network, shape (rows, features)."""
        return self.read.rows

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Class numbers of the training rows, shape (rows,)."""
        return self.read.labels


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, losses, weights and accuracy"), torch.no_grad():
        outputs = found["model"](found["train"].tensors[0]).double().numpy()
    return Run(read=deep.read(found), outputs=outputs)


def are_probabilities(run: Run) -> bool:
    """Whether the loss gets probabilities: nothing below 0, and every row adds up to 1."""
    sums = run.outputs.sum(axis=1)  # (rows,)
    return bool(run.outputs.min() >= 0 and np.abs(sums - 1).max() < ADDS_UP)


def cheapest(run: Run) -> float:
    """The lowest cross-entropy that the loss takes for any of these outputs, in nat."""
    highest = run.outputs.max(axis=1, keepdims=True)  # (rows, 1)
    costs = np.log(np.exp(run.outputs - highest).sum(axis=1))  # of the largest output
    return float(costs.min())


def _as_before(cause: Cause[deep.Run]) -> Cause[Run]:
    """A cause of exercise 04, read from a run of this one."""
    return Cause(
        holds=lambda run: cause.holds(run.read), measured=lambda run: cause.measured(run.read)
    )


def _outputs_in_words(run: Run) -> str:
    """What reaches the loss, and what the surest answer would cost."""
    low, high = run.outputs.min(), run.outputs.max()
    adds = "each row adds up to 1" if are_probabilities(run) else "the rows do not add up to 1"
    return (
        f"what the loss gets lies between {two_digits(low)} and {two_digits(high)}, {adds}, and "
        f"the surest answer costs {two_digits(cheapest(run))} if it is right"
    )


def _steps_in_words(run: Run) -> str:
    """How far an epoch goes, and what no learning rate changes."""
    return f"{deep.CAUSES['E'].measured(run.read)}; and {_outputs_in_words(run)}, at any rate"


CAUSES: Mapping[str, Cause[Run]] = {
    **{letter: _as_before(deep.CAUSES[letter]) for letter in "ABCD"},
    "E": Cause(
        holds=lambda run: deep.CAUSES["E"].holds(run.read) and not are_probabilities(run),
        measured=_steps_in_words,
    ),
    "F": Cause(holds=are_probabilities, measured=_outputs_in_words),
    "G": _as_before(deep.CAUSES["F"]),
}
