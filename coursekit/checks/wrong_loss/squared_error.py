"""Task 1: ``squared_error(outputs, targets)`` compares each output with its own target alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart

ROWS = (7, 5)  # of outputs as a column, and as a row
SEED = 105
TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """One pair of outputs and targets.

    Attributes:
        shapes: Their shapes, in words.
        seen: What came back.
        expected: The mean squared error.
        slope: The gradient of what came back in the outputs, shape (rows,); None without one.
        error: What torch says where the gradient cannot be computed; "" where it can.
        expected_slope: The gradient of the mean squared error in the outputs, shape (rows,).
        altered: Names of the arguments that were changed in place.
    """

    shapes: str
    seen: float
    expected: float
    slope: npt.NDArray[np.float64] | None
    error: str
    expected_slope: npt.NDArray[np.float64]
    altered: tuple[str, ...]


Evidence = tuple[Compared, ...]


def gather(squared_error: object) -> Evidence:
    """Compare outputs and targets of all four pairs of shapes."""
    return tuple(_compared(squared_error, *pair) for pair in pairs())


def pairs() -> Iterator[tuple[Tensor, Tensor]]:
    """Outputs that are to be trained, and targets, each of shape (rows, 1) or (rows,).

    >>> [(o.ndim, t.ndim) for o, t in pairs()]
    [(2, 2), (2, 1), (1, 2), (1, 1)]
    """
    source = torch.Generator().manual_seed(SEED)
    for rows, shape in zip(ROWS, ((-1, 1), (-1,)), strict=True):
        numbers, wanted = torch.randn(2, rows, generator=source)
        for other in ((-1, 1), (-1,)):
            yield numbers.reshape(shape).clone().requires_grad_(), wanted.reshape(other).clone()


def value_is_right(evidence: Evidence) -> str | None:
    """The mean squared error, whatever the shapes."""
    for one in evidence:
        if abs(one.seen - one.expected) > TOLERANCE:
            seen, expected = told_apart(one.seen, one.expected)
            return f"With {one.shapes}, squared_error gave {seen}; expected {expected}."
    return None


def gradient_is_right(evidence: Evidence) -> str | None:
    """The loss can be trained on."""
    for one in evidence:
        if one.error:
            return f"With {one.shapes}, backward() on what came back stops: {one.error}."
        if one.slope is None:
            return f"With {one.shapes}, what came back has no gradient in the outputs."
        if np.abs(one.slope - one.expected_slope).max() > TOLERANCE:
            return f"With {one.shapes}, the gradient in the outputs is not that of this loss."
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """Outputs and targets are as they were."""
    for one in evidence:
        if one.altered:
            return f"With {one.shapes}, squared_error changed {' and '.join(one.altered)}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"In all {len(evidence)} pairs of shapes each output is compared with its own target, and "
        "the gradient is right."
    )


check_squared_error = Check(
    task="Task 1",
    takes=("squared_error",),
    gather=gather,
    clauses=(
        Clause(
            name="value",
            test=value_is_right,
            hint="Print the shape of the difference: one number for each row? Then square, and "
            "take the mean.",
        ),
        Clause(
            name="gradient",
            test=gradient_is_right,
            hint="Stay with tensors to the end: item(), detach() and numpy cut the gradient off. "
            "backward() is for the caller, and needs the numbers that the loss was made of.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="reshape gives a tensor of another shape; names that end in _ change theirs.",
        ),
    ),
    verified=verified,
    hints=(
        "Which shape must outputs and targets have, so that a difference has one number a row?",
        "Print (outputs - targets).shape for outputs of shape (7, 1) and targets of shape (7,).",
        "Bring both to the shape (rows,): tensor.reshape(-1). Then the mean of the squares.",
    ),
)


def _compared(squared_error: object, outputs: Tensor, targets: Tensor) -> Compared:
    """One call."""
    shapes = f"outputs of shape {tuple(outputs.shape)} and targets of shape {tuple(targets.shape)}"
    arguments = {"outputs": outputs, "targets": targets}
    done = call(squared_error, arguments, name="squared_error")
    seen = as_array(done.result, shape=(), source=f"With {shapes}, squared_error")
    gaps = (outputs.detach().reshape(-1) - targets.reshape(-1)).double().numpy()  # (rows,)
    slope, error = _slope(done.result, done.handed["outputs"])
    left = ("the .grad of outputs",) if done.handed["outputs"].grad is not None else ()
    return Compared(
        shapes=shapes,
        seen=float(seen),
        expected=float((gaps**2).mean()),
        slope=slope,
        error=error,
        expected_slope=2 * gaps / len(gaps),
        altered=(*done.altered, *left),
    )


def _slope(loss: object, outputs: Tensor) -> tuple[npt.NDArray[np.float64] | None, str]:
    """The gradient of the loss in the outputs, or None, and how torch's error begins."""
    if not isinstance(loss, Tensor) or not loss.requires_grad or not outputs.requires_grad:
        return None, ""
    try:
        (slope,) = torch.autograd.grad(loss, [outputs], allow_unused=True)
    except RuntimeError as error:
        return None, re.split(r"[:(.]", str(error))[0].strip()
    return None if slope is None else slope.reshape(-1).double().numpy(), ""
