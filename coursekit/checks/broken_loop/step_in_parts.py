"""Task 1: ``step_in_parts(…)`` takes one step on a batch, a few rows at a time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from coursekit.checks.broken_loop.stepping import Counted, Stepping, at_once
from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.wording import two_digits
from coursekit.datasets import load_dataset

SEED = 106
MOMENTUM = 0.9  # of the optimizer that has taken a step before
TOLERANCE = 1e-3  # of the step; float32 keeps 1e-6


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the answer, beside the step on all rows at once.

    Attributes:
        rows: Rows of the batch.
        size: How many may go through at a time.
        most: How many went through at a time, at the most.
        held: How many lay in memory at once, at the most.
        gap: How far the weights are from where they should be, over the length of the right step.
        length: Length of the step over that of the right one.
    """

    rows: int
    size: int
    most: int
    held: int
    gap: float
    length: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Steps in equal parts, with a shorter last part, and with what was before.

    Attributes:
        equal: Four parts of one size.
        uneven: The last part is shorter.
        stale: So it is, and a gradient of an earlier batch stands in .grad.
        moving: Four parts, and the optimizer has momentum from an earlier step.
    """

    equal: Step
    uneven: Step
    stale: Step
    moving: Step


def gather(step_in_parts: Callable[..., Any]) -> Evidence:
    """Take steps where the right weights are known."""
    return Evidence(
        equal=_step(step_in_parts, rows=32, size=8),
        uneven=_step(step_in_parts, rows=13, size=6),
        stale=_step(step_in_parts, rows=13, size=6, earlier=True),
        moving=_step(step_in_parts, rows=32, size=8, earlier=True, momentum=MOMENTUM),
    )


def rows_go_in_parts(evidence: Evidence) -> str | None:
    """Never more rows at a time than fit."""
    for step in (evidence.equal, evidence.uneven):
        if step.most > step.size:
            return (
                f"Of {step.rows} rows with size={step.size}, {step.most} went through the model "
                "at a time."
            )
        if step.held > step.size:
            return (
                f"Of {step.rows} rows with size={step.size}, {step.held} lay in memory at once: "
                "their backward() had not come, or what they had left was kept after it."
            )
    return None


def equal_parts_make_the_step(evidence: Evidence) -> str | None:
    """Four equal parts: the step of all rows."""
    return _astray(evidence.equal)


def uneven_parts_make_the_step(evidence: Evidence) -> str | None:
    """Each row counts the same, also in a shorter part."""
    return _astray(evidence.uneven)


def earlier_gradient_does_not_count(evidence: Evidence) -> str | None:
    """What stood in .grad before is gone; compared with what the answer does without it."""
    if evidence.stale.gap <= max(TOLERANCE, 1.01 * evidence.uneven.gap):
        return None
    return f"After a backward() on an earlier batch: {_astray(evidence.stale)}"


def the_optimizer_takes_the_step(evidence: Evidence) -> str | None:
    """The step is the optimizer's own; of use only where the gradient is right."""
    if evidence.equal.gap > TOLERANCE or evidence.moving.gap <= TOLERANCE:
        return None
    return f"The optimizer has momentum and took a step before: {_astray(evidence.moving)}"


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"{evidence.equal.rows} rows in parts of {evidence.equal.size} and {evidence.uneven.rows} "
        f"in parts of {evidence.uneven.size} make the step that all rows at once make, with "
        "momentum too."
    )


check_step_in_parts = Check(
    task="Task 1",
    takes=("step_in_parts",),
    gather=gather,
    clauses=(
        Clause(
            name="parts",
            test=rows_go_in_parts,
            hint="x.split(size) and y.split(size) cut the batch. Send one part, call backward() on "
            "its loss, then send the next. A plain backward() frees what the part left.",
        ),
        Clause(
            name="equal",
            test=equal_parts_make_the_step,
            hint="backward() adds up. What must each part's loss be multiplied by, so that the sum "
            "is the mean over all rows? And how many steps is it?",
        ),
        Clause(
            name="uneven",
            test=uneven_parts_make_the_step,
            hint="A part's loss is a mean over its rows. A shorter part has fewer of them, so it "
            "must count for less.",
        ),
        Clause(
            name="stale",
            test=earlier_gradient_does_not_count,
            hint="backward() adds to the .grad that is there. What empties it?",
        ),
        Clause(
            name="optimizer",
            test=the_optimizer_takes_the_step,
            hint="Another optimizer makes another step of the same .grad. Who knows which?",
        ),
    ),
    verified=verified,
    hints=(
        "The mean of 32 numbers, from the means of four times 8: what do you do? And from the "
        "means of 6, 6 and 1?",
        "Take two copies of a model, one step on all rows on the first, yours on the second, and "
        "print the largest difference of their weights.",
        "optimizer.zero_grad(); for each part: (loss_fn(model(inputs), labels) * len(inputs) / "
        "len(x)).backward(); and once, at the end, optimizer.step().",
    ),
)


def _astray(step: Step) -> str | None:
    """A sentence on a step that is not the right one."""
    if step.gap <= TOLERANCE:
        return None
    if not math.isfinite(step.gap):
        return f"With {step.rows} rows and size={step.size}, some weights become NaN or infinite."
    if not step.length:
        return (
            f"With {step.rows} rows and size={step.size}, no weight has moved: was "
            "optimizer.step() called, and were there gradients when it was?"
        )
    if abs(step.length - 1) > 0.01:
        seen = f"the step is {two_digits(step.length)} times as long as"
    else:
        seen = f"the step ends {two_digits(step.gap)} of its length away from"
    return f"With {step.rows} rows and size={step.size}, {seen} that of all rows at once."


def _step(
    step_in_parts: Callable[..., Any],
    *,
    rows: int,
    size: int,
    earlier: bool = False,
    momentum: float = 0.0,
) -> Step:
    """One call of the answer, beside one step on all rows."""
    data = load_dataset("digits")
    x = torch.tensor(data.x[: rows + 32] / 16, dtype=torch.float32)
    y = torch.tensor(data.y[: rows + 32])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = Counted(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    batches = [x[:rows], y[:rows], *([x[rows:], y[rows:]] if earlier else [])]
    arguments = {"model": model, "batches": batches, "size": size}
    answer = Stepping(step_in_parts, momentum)
    after = call(answer, arguments, name="step_in_parts").handed["model"]
    seen = parameters_to_vector(after.parameters()).detach()
    start, right = at_once(model, x, y, rows, momentum)
    length = float((right - start).norm())
    return Step(
        rows=rows, size=size, most=max((went for went, _ in after.passes), default=0),
        held=after.held, gap=float((seen - right).norm()) / length,
        length=float((seen - start).norm()) / length,
    )  # fmt: skip
