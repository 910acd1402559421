"""What a run of task 3's script did, and the measurement that each lettered cause stands on.

A letter is judged by measuring the run, so no answer is stored anywhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.verdicts import CheckFailed

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.85  # accuracy; 63 % of the rows are of the larger class
UNEVEN = 100.0  # widest column over the middle one; standardised columns give 1
SHIFTED = 1.0  # standard deviations between the means of training and held-out rows
BELONG = 0.8  # share of rows that are nearest to the mean of their own class
MOVED = 0.01  # change of the first weights over their size


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly.
        train: Training rows as they reach the first Linear layer, shape (rows, features).
        test: Held-out rows at the same place.
        train_labels: Class numbers of the training rows, shape (rows,).
        test_labels: Class numbers of the held-out rows.
        moved: How far training moved the first Linear's weights, over their size at the start.
    """

    accuracy: float
    train: Array
    test: Array
    train_labels: Labels
    test_labels: Labels
    moved: float


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One lettered cause.

    Attributes:
        holds: Whether this is what is the matter with a run.
        measured: The measurement that says so, or that it is not, in a clause of a sentence.
    """

    holds: Callable[[Run], bool]
    measured: Callable[[Run], str]


def read(start: object, end: object) -> Run:
    """Measure a run.

    Args:
        start: What the script returns for no epoch at all.
        end: What it returns for the whole run.

    Raises:
        CheckFailed: These are not the dictionaries that the script returns.
    """
    try:
        return _read(start, end)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CheckFailed(
            "experiment does not return what it did: a dictionary of model, train, test and "
            "accuracy. Undo your edit of its cell."
        ) from error


def unevenness(run: Run) -> float:
    """Standard deviation of the widest column at the first Linear layer over the middle one's."""
    deviations = run.train.std(axis=0)  # (features,)
    return float(deviations.max() / max(float(np.median(deviations)), 1e-12))


def shift(run: Run) -> float:
    """Largest gap between a column's means in training and held-out rows, in deviations."""
    gaps = np.abs(run.train.mean(axis=0) - run.test.mean(axis=0))  # (features,)
    return float((gaps / np.maximum(run.train.std(axis=0), 1e-12)).max())


def belonging(run: Run) -> float:
    """Share of rows nearest to the mean of their own class; of two folds, the lower share."""
    folds = ((run.train, run.train_labels), (run.test, run.test_labels))
    return min(_nearest_is_own(x, labels) for x, labels in folds)


CAUSES: Mapping[str, Cause] = {
    "A": Cause(
        holds=lambda run: belonging(run) < BELONG,
        measured=lambda run: f"{belonging(run):.0%} of the rows, or more, are nearest to the mean "
        "of the class that their label names",
    ),
    "B": Cause(
        holds=lambda run: run.moved < MOVED,
        measured=lambda run: f"training moved the first layer's weights by {run.moved:.2g} times "
        "their size",
    ),
    "C": Cause(
        holds=lambda run: unevenness(run) > UNEVEN,
        measured=lambda run: "at the first Linear layer, the standard deviation of the widest "
        f"column is {unevenness(run):.2g} times that of the middle one",
    ),
    "D": Cause(
        holds=lambda run: shift(run) > SHIFTED,
        measured=lambda run: "the means of training and held-out rows differ by at most "
        f"{shift(run):.2g} standard deviations in any column",
    ),
    "E": Cause(
        holds=lambda run: run.accuracy >= HEALTHY,
        measured=lambda run: f"the accuracy on held-out rows is {run.accuracy:.2f}, and "
        f"{_larger_class(run):.2f} of these rows are of the larger class",
    ),
}


def _read(start: Any, end: Any) -> Run:
    """`read`, where the dictionaries are as they should be."""
    old, new = _first_linear(start["model"]).weight, _first_linear(end["model"]).weight
    (train, train_labels), (test, test_labels) = end["train"].tensors, end["test"].tensors
    return Run(
        accuracy=float(end["accuracy"]),
        train=_at_first_linear(end["model"], train),
        test=_at_first_linear(end["model"], test),
        train_labels=train_labels.numpy(),
        test_labels=test_labels.numpy(),
        moved=float((new - old).norm() / old.norm()),
    )


def _first_linear(model: nn.Module) -> nn.Linear:
    """The first Linear layer of a model."""
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)][0]  # noqa: RUF015


def _at_first_linear(model: nn.Module, rows: Tensor) -> Array:
    """What reaches the first Linear layer, the model in evaluation mode."""
    seen: list[Tensor] = []
    hook = _first_linear(model).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            model.eval()(rows)
    finally:
        hook.remove()
    inputs: Array = seen[0].numpy()
    return inputs


def _nearest_is_own(x: Array, labels: Labels) -> float:
    """The share of rows nearest to the mean of their own class, each column standardised."""
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    means = np.stack([x[labels == label].mean(axis=0) for label in (0, 1)])
    distances = np.linalg.norm(x[:, None, :] - means, axis=2)  # (rows, classes)
    return float((distances.argmin(axis=1) == labels).mean())


def _larger_class(run: Run) -> float:
    """The accuracy of naming the larger class for every held-out row."""
    return float(np.bincount(run.test_labels).max() / len(run.test_labels))
