"""Task 1: ``step_in_parts(…)`` takes one step on a batch, a few rows at a time."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.wording import two_digits
from coursekit.datasets import load_dataset

SEED = 106
RATE = 0.5
TOLERANCE = 1e-3  # of the step; float32 keeps 1e-6


@dataclass(frozen=True)
class Stepping:
    """The learner's function with an optimizer made for the model's copy that it is handed."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, model: nn.Module, batches: list[Tensor], size: int) -> None:
        """One step; where there are four tensors, backward() is called on the last two first."""
        loss_fn = nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        x, y, *earlier = batches
        if earlier:
            loss_fn(model(earlier[0]), earlier[1]).backward()
            model.went.clear()  # type: ignore[operator, union-attr]
            model.held = 0  # type: ignore[assignment]
        self.func(model, loss_fn, optimizer, x, y, size)


class Counted(nn.Sequential):
    """Layers that note how many rows went through at a time, and how many waited for backward()."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.went: list[int] = []
        self.waiting = 0
        self.held = 0

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of shape (rows, features)."""
        self.went.append(len(inputs))
        outputs: Tensor = super().forward(inputs)  # type: ignore[no-untyped-call]
        if outputs.requires_grad:
            self.waiting += len(inputs)
            self.held = max(self.held, self.waiting)
            outputs.register_hook(lambda _: self._done(len(inputs)))  # type: ignore[no-untyped-call]
        return outputs

    def _done(self, rows: int) -> None:
        """Their backward() has come."""
        self.waiting -= rows


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the answer, beside the step on all rows at once.

    Attributes:
        rows: Rows of the batch.
        size: How many may go through at a time.
        most: How many went through at a time, at the most.
        held: How many had gone through and waited for their backward(), at the most.
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
    """Steps in equal parts, with a shorter last part, and with a gradient from before."""

    equal: Step
    uneven: Step
    stale: Step


def gather(step_in_parts: Callable[..., Any]) -> Evidence:
    """Take steps where the right weights are known."""
    return Evidence(
        equal=_step(step_in_parts, rows=32, size=8),
        uneven=_step(step_in_parts, rows=13, size=6),
        stale=_step(step_in_parts, rows=13, size=6, earlier=True),
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
                f"Of {step.rows} rows with size={step.size}, {step.held} had gone through the "
                "model and waited for backward() at once: all of them lie in memory."
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


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"{evidence.equal.rows} rows in parts of {evidence.equal.size} and {evidence.uneven.rows} "
        f"in parts of {evidence.uneven.size} make the step that all rows at once make."
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
            "its loss, then send the next.",
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
    step_in_parts: Callable[..., Any], *, rows: int, size: int, earlier: bool = False
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
    after = call(Stepping(step_in_parts), arguments, name="step_in_parts").handed["model"]
    start, seen, right = (_vector(one) for one in (model, after, _at_once(model, x, y, rows)))
    length = float((right - start).norm())
    return Step(
        rows=rows, size=size, most=max(after.went, default=0), held=after.held,
        gap=float((seen - right).norm()) / length, length=float((seen - start).norm()) / length,
    )  # fmt: skip


def _at_once(model: nn.Module, x: Tensor, y: Tensor, rows: int) -> nn.Module:
    """A copy of the model after one step of plain gradient descent on all rows, by hand."""
    twin = copy.deepcopy(model)
    weights = list(twin.parameters())
    loss = nn.functional.cross_entropy(twin(x[:rows]), y[:rows])
    with torch.no_grad():
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.sub_(RATE * gradient)
    return twin


def _vector(model: nn.Module) -> Tensor:
    """All weights in a row."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().double()
