"""Runs of scripts that train on the breast cancer table, and what can be the matter with them.

Two exercises hand out such a script; each gives the causes letters of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from coursekit.checks.columns import largest_shift, uneven_columns
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import (
    Script,
    Settings,
    at_first_linear,
    labelled_rows,
    linear_layers,
    outcome,
    reading,
)
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.85  # accuracy; 63 % of the rows are of the larger class
UNEVEN = 100.0  # widest column over the middle one; standardised columns give 1
SHIFTED = 1.0  # standard deviations between the means of training and held-out rows
BELONG = 0.8  # share of rows that are nearest to the mean of their own class
MOVED = 0.01  # change of the first weights over their size
NO_EPOCH = {"epochs": 0}
HEALED = ", and columns of like spread reach the first Linear layer"  # what a pass has also shown


@dataclass(frozen=True, kw_only=True, eq=False)
class TableRun:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly.
        rows: Training rows as they reach the first Linear layer, shape (rows, features).
        held_out: Held-out rows at the same place.
        labels: Class numbers of the training rows, shape (rows,).
        held_out_labels: Class numbers of the held-out rows.
        weight: The first Linear's weight at the end, shape (units, features).
        start: Runs the script for no epoch at all; one cause alone asks for that.
    """

    accuracy: float
    rows: Array
    held_out: Array
    labels: Labels
    held_out_labels: Labels
    weight: Tensor
    start: Callable[[], Any]


def run(experiment: Script, seed: int, settings: Settings) -> TableRun:
    """One run of the script, and its start."""
    return read(outcome(experiment, seed, settings), lambda: outcome(experiment, seed, NO_EPOCH))


def read(found: Any, start: Callable[[], Any]) -> TableRun:
    """Look into what the script returned.

    Args:
        found: The script's dictionary.
        start: Runs the script for no epoch at all, and returns its dictionary.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test and accuracy"):
        model = found["model"].eval()
        (train, labels), (test, test_labels) = found["train"].tensors, found["test"].tensors
        return TableRun(
            accuracy=float(found["accuracy"]),
            rows=at_first_linear(model, train)[0].numpy(),
            held_out=at_first_linear(model, test)[0].numpy(),
            labels=labels.numpy(),
            held_out_labels=test_labels.numpy(),
            weight=linear_layers(model)[0].weight.detach(),
            start=start,
        )


def known_rows() -> Mapping[bytes, int]:
    """The label of each row of the raw table, by its bytes."""
    return labelled_rows("breast_cancer")


def shift(run: TableRun) -> float:
    """Largest gap between a column's means in training and held-out rows, in deviations."""
    return largest_shift(run.rows, run.held_out)


def movement(run: TableRun) -> float:
    """How far training moved the first Linear's weights, over their size at the start."""
    before = linear_layers(run.start()["model"])[0].weight.detach()
    return float((run.weight - before).norm() / before.norm())


def belonging(run: TableRun) -> float:
    """Share of rows nearest to the mean of their own class; of two folds, the lower share."""
    folds = ((run.rows, run.labels), (run.held_out, run.held_out_labels))
    return min(_nearest_is_own(x, labels) for x, labels in folds)


STRANGE_LABELS: Cause[TableRun] = Cause(
    holds=lambda run: belonging(run) < BELONG,
    measured=lambda run: (
        f"at least {belonging(run):.0%} of the rows are nearest to the mean "
        "of the class that their label names"
    ),
)
SMALL_STEPS: Cause[TableRun] = Cause(
    holds=lambda run: movement(run) < MOVED,
    measured=lambda run: (
        f"training moved the first layer's weights by {two_digits(movement(run))} times their size"
    ),
)
UNEVEN_COLUMNS: Cause[TableRun] = uneven_columns(lambda run: run.rows, above=UNEVEN)
MISMATCH: Cause[TableRun] = Cause(
    holds=lambda run: shift(run) > SHIFTED,
    measured=lambda run: (
        "the means of training and held-out rows differ by at most "
        f"{two_digits(shift(run))} standard deviations in any column"
    ),
)
NOTHING: Cause[TableRun] = Cause(
    holds=lambda run: run.accuracy >= HEALTHY,
    measured=lambda run: (
        f"the accuracy on held-out rows is {run.accuracy:.2f}, and "
        f"{_larger_class(run):.2f} of these rows are of the larger class"
    ),
)


def _nearest_is_own(x: Array, labels: Labels) -> float:
    """The share of rows nearest to the mean of their own class, each column standardised."""
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    means = np.stack([x[labels == label].mean(axis=0) for label in (0, 1)])
    distances = np.linalg.norm(x[:, None, :] - means, axis=2)  # (rows, classes)
    return float((distances.argmin(axis=1) == labels).mean())


def _larger_class(run: TableRun) -> float:
    """The accuracy of naming the larger class for every held-out row."""
    return float(np.bincount(run.held_out_labels).max() / len(run.held_out_labels))
