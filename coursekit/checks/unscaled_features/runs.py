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
from coursekit.checks.wording import two_digits

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
        weight: The first Linear's weight at the end, shape (units, features).
        start: Runs the script for no epoch at all; one letter alone asks for that.
    """

    accuracy: float
    train: Array
    test: Array
    train_labels: Labels
    test_labels: Labels
    weight: Tensor
    start: Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One lettered cause.

    Attributes:
        holds: Whether this is what is the matter with a run.
        measured: The measurement that says so, or that it is not, in a clause of a sentence.
    """

    holds: Callable[[Run], bool]
    measured: Callable[[Run], str]


def read(outcome: Any, start: Callable[[], Any]) -> Run:
    """Look into what the script returned.

    Args:
        outcome: The script's dictionary.
        start: Runs the script for no epoch at all, and returns its dictionary.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    try:
        return _read(outcome, start)
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


def movement(run: Run) -> float:
    """How far training moved the first Linear's weights, over their size at the start."""
    before = _first_linear(run.start()["model"]).weight.detach()
    return float((run.weight - before).norm() / before.norm())


def belonging(run: Run) -> float:
    """Share of rows nearest to the mean of their own class; of two folds, the lower share."""
    folds = ((run.train, run.train_labels), (run.test, run.test_labels))
    return min(_nearest_is_own(x, labels) for x, labels in folds)


CAUSES: Mapping[str, Cause] = {
    "A": Cause(
        holds=lambda run: belonging(run) < BELONG,
        measured=lambda run: (
            f"at least {belonging(run):.0%} of the rows are nearest to the mean "
            "of the class that their label names"
        ),
    ),
    "B": Cause(
        holds=lambda run: movement(run) < MOVED,
        measured=lambda run: (
            "training moved the first layer's weights by "
            f"{two_digits(movement(run))} times their size"
        ),
    ),
    "C": Cause(
        holds=lambda run: unevenness(run) > UNEVEN,
        measured=lambda run: (
            "at the first Linear layer, the standard deviation of the widest "
            f"column is {two_digits(unevenness(run))} times that of the middle one"
        ),
    ),
    "D": Cause(
        holds=lambda run: shift(run) > SHIFTED,
        measured=lambda run: (
            "the means of training and held-out rows differ by at most "
            f"{two_digits(shift(run))} standard deviations in any column"
        ),
    ),
    "E": Cause(
        holds=lambda run: run.accuracy >= HEALTHY,
        measured=lambda run: (
            f"the accuracy on held-out rows is {run.accuracy:.2f}, and "
            f"{_larger_class(run):.2f} of these rows are of the larger class"
        ),
    ),
}


def _read(outcome: Any, start: Callable[[], Any]) -> Run:
    """`read`, where the dictionary is as it should be."""
    model = outcome["model"]
    (train, train_labels), (test, test_labels) = outcome["train"].tensors, outcome["test"].tensors
    return Run(
        accuracy=float(outcome["accuracy"]),
        train=_at_first_linear(model, train),
        test=_at_first_linear(model, test),
        train_labels=train_labels.numpy(),
        test_labels=test_labels.numpy(),
        weight=_first_linear(model).weight.detach(),
        start=start,
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
