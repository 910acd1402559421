"""Task 1: ``group_norm(x, groups)``: mean 0 and deviation 1 within one row."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

EPS = 1e-5  # what is added to a variance, as in PyTorch's layers
TOLERANCE = 1e-3  # float32 keeps 1e-6; a deviation over n − 1 is .8 % off in the largest group


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """Rows whose groups can be worked out.

    Attributes:
        name: What messages call them.
        x: Shape (rows, units).
        groups: How many groups a row has.
    """

    name: str
    x: Tensor
    groups: int

    @property
    def expected(self) -> Array:
        """The rows, each group with mean 0 and deviation 1, in numpy."""
        parts = np.split(self.x.double().numpy(), self.groups, axis=1)
        centred = [part - part.mean(axis=1, keepdims=True) for part in parts]
        scaled = [part / np.sqrt((part**2).mean(axis=1, keepdims=True) + EPS) for part in centred]
        return np.concatenate(scaled, axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One call of the answer."""

    known: Known
    seen: Array
    outcome: Call


Evidence = tuple[Probe, ...]


def situations() -> tuple[Known, ...]:
    """What the answer is called on; the first two share their first row.

    >>> [known.expected.round(2)[0].tolist() for known in situations()[:4]]
    [[-1.0, 1.0, -1.0, 1.0], [-1.0, 1.0, -1.0, 1.0], [-1.41, 0.0, 1.41, 0.0], [-0.3, 0.3]]
    """
    pixels = torch.tensor(load_dataset("digits").x[:12], dtype=torch.float32)
    row = [0.0, 2.0, 10.0, 30.0]
    return (
        Known(
            name="two rows in two groups",
            x=torch.tensor([row, [5.0, 6.0, 7.0, 9.0]]), groups=2,
        ),
        Known(
            name="the same row beside another",
            x=torch.tensor([row, [900.0, -6.0, 0.0, 1.0]]), groups=2,
        ),
        Known(
            name="two rows in one group",
            x=torch.tensor([[1.0, 3.0, 5.0, 3.0], [0.0, 4.0, 0.0, 4.0]]), groups=1,
        ),
        Known(name="numbers that lie close together", x=torch.tensor([[0.0, 0.002]]), groups=1),
        Known(name="a group of equal numbers", x=torch.tensor([[7.0, 7.0, 1.0, 5.0]]), groups=2),
        Known(name="digits in eight groups", x=pixels, groups=8),
    )  # fmt: skip


def gather(group_norm: Callable[..., object]) -> Evidence:
    """Call the answer on each."""
    return tuple(_probe(group_norm, known) for known in situations())


def no_partners(evidence: Evidence) -> str | None:
    """One row gives the same, whatever stands beside it."""
    first, second = (probe.seen[0] for probe in evidence[:2])
    if np.allclose(first, second, atol=TOLERANCE, equal_nan=True):
        return None
    return (
        f"The row [0, 2, 10, 30] in two groups becomes {_row(first)} beside one row and "
        f"{_row(second)} beside another."
    )


def values_are_right(evidence: Evidence) -> str | None:
    """Each group of each row has mean 0 and deviation 1."""
    for probe in evidence:
        expected = probe.known.expected
        wrong = np.argwhere(~(np.abs(probe.seen - expected) <= TOLERANCE))
        if len(wrong):
            row, unit = (int(place) for place in wrong[0])
            seen, right = told_apart(probe.seen[row, unit], expected[row, unit])
            return (
                f"On {probe.known.name} (groups={probe.known.groups}), row {row} becomes {seen} "
                f"at unit {unit}; expected {right}."
            )
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """The rows that were handed over are as they were."""
    for probe in evidence:
        if probe.outcome.altered:
            return f"On {probe.known.name}, group_norm changed x itself."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"On {len(evidence)} batches each group of each row has mean 0 and deviation 1, and no "
        "row knows of the others."
    )


check_group_norm = Check(
    task="Task 1",
    takes=("group_norm",),
    gather=gather,
    clauses=(
        Clause(
            name="partners",
            test=no_partners,
            hint="Over which axis do you take the mean, and the variance? No number of another "
            "row may enter.",
        ),
        Clause(
            name="values",
            test=values_are_right,
            hint="One mean and one variance for each group of each row; groups are neighbours. "
            "The variance is the mean of the squared deviations; 1e-5 is added to it, and the "
            "root comes after.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="x -= … works in place: the caller's batch is overwritten. Make a new tensor.",
        ),
    ),
    verified=verified,
    hints=(
        "First do it for one group, the whole row. Then cut the row.",
        "Print your result for [[0, 2, 10, 30]] and groups=2: it must be −1, 1, −1, 1.",
        "x.reshape(rows, groups, units // groups) has a group's units on the last axis. Take mean "
        "and variance over that axis with keepdim=True (unbiased=False), then reshape back.",
    ),
)


def _row(values: Array) -> str:
    """A row with one digit behind the point."""
    return f"[{', '.join(f'{value:.1f}' for value in values)}]"


def _probe(group_norm: Callable[..., object], known: Known) -> Probe:
    """One call of the answer."""
    source = f"On {known.name}, group_norm"
    outcome = call(group_norm, {"x": known.x, "groups": known.groups}, name=source)
    seen = as_array(outcome.result, shape=tuple(known.x.shape), source=source, finite=False)
    return Probe(known=known, seen=seen, outcome=outcome)
