"""What a run of task 3's script did, and the measurement that each lettered cause stands on.

A letter is judged by measuring the run, and three of them by running the script at other settings:
a rate that is to blame is one that another rate heals. So no answer is stored anywhere.
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
Settings = Mapping[str, float]

HEALTHY = 0.85  # accuracy; 40 % of the rows are of the largest class
UNEVEN = 10.0  # widest column over the middle one; standardised columns give 1, raw ones 200
SHIFTED = 1.0  # standard deviations; BatchNorm's usual running averages give .3


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        lr: The learning rate that it began with.
        inputs: The training rows as they are, shape (rows, features).
        labels: Their class numbers, shape (rows,).
        trained_on: The training rows as they reached the first Linear layer in training.
        in_use: The held-out rows as they reach it in use.
        last_loss: Mean training loss of the last epoch.
    """

    accuracy: float
    lr: float
    inputs: Array
    labels: Labels
    trained_on: Array
    in_use: Array
    last_loss: float


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One lettered cause.

    Attributes:
        holds: Whether this is what is the matter with a run.
        measured: The measurement that says so, or that it is not, in a clause of a sentence.
        others: For a cause that other settings would heal, those settings; else none.
    """

    holds: Callable[[Run], bool] = lambda _: False
    measured: Callable[[Run], str] = lambda _: ""
    others: Callable[[Run], tuple[Settings, ...]] = lambda _: ()


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
            "lr and accuracy. Undo your edit of its cell."
        ) from error


def unevenness(run: Run) -> float:
    """Standard deviation of the widest column at the first Linear layer over the middle one's."""
    deviations = run.trained_on.std(axis=0)  # (features,)
    return float(deviations.max() / max(float(np.median(deviations)), 1e-12))


def shift(run: Run) -> float:
    """Largest gap between a column's means in training and in use, in standard deviations."""
    gaps = np.abs(run.trained_on.mean(axis=0) - run.in_use.mean(axis=0))  # (features,)
    return float((gaps / np.maximum(run.trained_on.std(axis=0), 1e-12)).max())


CAUSES: Mapping[str, Cause] = {
    "A": Cause(others=lambda run: tuple({"lr": run.lr / by} for by in (3, 10))),
    "B": Cause(others=lambda run: tuple({"lr": run.lr * by} for by in (3, 10))),
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
            "at the first Linear layer, the means of training rows in training and of held-out "
            f"rows in use differ by {two_digits(shift(run))} standard deviations in some column"
        ),
    ),
    "E": Cause(others=lambda _: ({"gamma": 1.0},)),
    "F": Cause(
        holds=lambda run: run.accuracy >= HEALTHY,
        measured=lambda run: (
            f"the accuracy on held-out rows is {run.accuracy:.2f}, and the largest class has 0.40"
        ),
    ),
}


def _read(outcome: Any) -> Run:
    """`read`, where the dictionary is as it should be."""
    model = outcome["model"]
    (train, labels), (test, test_labels) = outcome["train"].tensors, outcome["test"].tensors
    in_use, logits = _at_first_linear(model.eval(), test)
    trained_on, _ = _at_first_linear(model.train(), train)
    model.eval()
    return Run(
        accuracy=float((logits.argmax(dim=1) == test_labels).float().mean()),
        lr=float(outcome["lr"]),
        inputs=train.numpy(),
        labels=labels.numpy(),
        trained_on=trained_on.numpy(),
        in_use=in_use.numpy(),
        last_loss=float(np.mean(outcome["losses"][-6:])),
    )


def _at_first_linear(model: nn.Module, rows: Tensor) -> tuple[Tensor, Tensor]:
    """What reaches the first Linear layer, and the model's output; buffers stay as they were."""
    first = [layer for layer in model.modules() if isinstance(layer, nn.Linear)][0]  # noqa: RUF015
    kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
    seen: list[Tensor] = []
    hook = first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            logits = model(rows)
            for name, buffer in model.named_buffers():
                buffer.copy_(kept[name])
    finally:
        hook.remove()
    return seen[0], logits
