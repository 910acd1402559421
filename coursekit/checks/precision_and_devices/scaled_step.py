"""Task 1: ``scaled_step(…)`` takes one step of mixed precision, or leaves it out."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.precision_and_devices.batches import Batch, Counts, batches, right_step
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, two_digits

TOLERANCE = 0.02  # of the step; rounding to float16 leaves 0.001, autocast up to 0.01


@dataclass(frozen=True)
class Stepping:
    """The learner's function with an optimizer made for the model's copy that it is handed."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, model: nn.Module, batch: Batch) -> Any:
        """One step, or two; what the function says of the last."""
        loss_fn = Counts(batch.part)
        if batch.earlier:
            loss = batch.scale * loss_fn(model(batch.x.flip(0)), batch.y)
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer, rest = batch.optimizer(model), (batch.y, batch.scale, batch.longest)
        if batch.spoilt:
            self.func(model, loss_fn, optimizer, torch.nan * batch.x, *rest)
        return self.func(model, loss_fn, optimizer, batch.x, *rest)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one call did.

    Attributes:
        name: What messages call the batch.
        overflows: Whether no step was right.
        gap: How far the weights are from where they should be, over the length of the right step.
        length: Length of the step over that of the right one; where none is right, its own length.
        said: Whether the answer says that the step was made.
    """

    name: str
    overflows: bool
    gap: float
    length: float
    said: bool


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Steps on the batches; ``infinite`` holds those that were to be left out."""

    short: Step
    long: Step
    scale: Step
    momentum: Step
    adam: Step
    behind: Step
    infinite: tuple[Step, ...]
    stale: Step

    @property
    def all(self) -> tuple[Step, ...]:
        """Every step."""
        steps = (self.short, self.long, self.scale, self.momentum, self.adam)
        return (*steps, *self.infinite, self.stale, self.behind)


def gather(scaled_step: Callable[..., Any]) -> Evidence:
    """Take steps where the right weights are known."""
    found = {name: _step(scaled_step, batch) for name, batch in batches().items()}
    infinite = tuple(step for step in found.values() if step.overflows)
    steps = {name: step for name, step in found.items() if not step.overflows}
    return Evidence(**steps, infinite=infinite)


def small_gradients_arrive(evidence: Evidence) -> str | None:
    """The step of a gradient that is not clipped."""
    return _astray(evidence.short)


def long_gradients_are_cut(evidence: Evidence) -> str | None:
    """The step of a gradient that is clipped at its true length."""
    return _astray(evidence.long)


def the_scale_is_the_one_given(evidence: Evidence) -> str | None:
    """The step with another scale."""
    return _further_astray(evidence.scale, evidence.short)


def the_optimizer_steps(evidence: Evidence) -> str | None:
    """The step of optimizers that do more than subtract."""
    seen = _further_astray(evidence.momentum, evidence.short)
    return seen or _further_astray(evidence.adam, evidence.long)


def infinite_ones_make_no_step(evidence: Evidence) -> str | None:
    """The weights stay where they are."""
    for step in evidence.infinite:
        if step.length != 0:
            seen = "moves" if math.isfinite(step.length) else "makes NaN or infinity of"
            return f"With {step.name}, your step {seen} the weights; they should stay as they are."
    return None


def the_step_is_reported(evidence: Evidence) -> str | None:
    """True where a step was made, False where it was left out, be that right or wrong."""
    for step in evidence.all:
        if step.said == (step.length == 0):
            return f"With {step.name}, scaled_step returned {step.said}; expected {not step.said}."
    return None


def earlier_gradient_does_not_count(evidence: Evidence) -> str | None:
    """What stood in .grad before is gone."""
    return _further_astray(evidence.stale, evidence.short)


def the_next_step_is_whole(evidence: Evidence) -> str | None:
    """A batch that made no step has not spoilt the optimizer either."""
    if infinite_ones_make_no_step(evidence) or earlier_gradient_does_not_count(evidence):
        return None  # said elsewhere
    return _further_astray(evidence.behind, evidence.momentum)


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        "A gradient too small for float16 makes the step that float32 makes, a long one is cut at "
        f"its true length, and {len(evidence.infinite)} steps with NaN or infinity are left out."
    )


check_scaled_step = Check(
    task="Task 1",
    takes=("scaled_step",),
    gather=gather,
    clauses=(
        Clause(
            name="short",
            test=small_gradients_arrive,
            hint="What must be multiplied by scale before backward()? And what must be divided by "
            "it, before anything looks at the length of the gradient?",
        ),
        Clause(
            name="long",
            test=long_gradients_are_cut,
            hint="nn.utils.clip_grad_norm_(model.parameters(), longest) cuts what stands in .grad. "
            "Which number should stand there by then?",
        ),
        Clause(
            name="scale",
            test=the_scale_is_the_one_given,
            hint="scaled_step is handed the scale. Does yours use another, or PyTorch's default?",
        ),
        Clause(
            name="optimizer",
            test=the_optimizer_steps,
            hint="The optimizer is handed to you. Which call of it makes the step, and from which "
            "gradient? Not every optimizer moves the weights in proportion to it.",
        ),
        Clause(
            name="infinite",
            test=infinite_ones_make_no_step,
            hint="Look at the gradient of every weight before the step. torch.isfinite tells. "
            "With momentum, a step from zeros moves the weights too.",
        ),
        Clause(
            name="said",
            test=the_step_is_reported,
            hint="Return True where optimizer.step() was called, and False where it was left out.",
        ),
        Clause(
            name="stale",
            test=earlier_gradient_does_not_count,
            hint="backward() adds to the .grad that is there. What empties it?",
        ),
        Clause(
            name="behind",
            test=the_next_step_is_whole,
            hint="An optimizer keeps averages of the gradients that its step() has seen. To put "
            "the weights back does not take a NaN out of them.",
        ),
    ),
    verified=verified,
    hints=(
        "Five things happen, in this order: empty, scaled backward, divide, look, clip and step.",
        "Print the norm of model[0].weight.grad after backward(), after the division, and after "
        "clipping.",
        "optimizer.zero_grad(); (scale * loss_fn(model(x), y)).backward(); for each weight: "
        "weight.grad /= scale. If all of all gradients are torch.isfinite: clip_grad_norm_, step, "
        "return True. Else return False.",
    ),
)


def _step(scaled_step: Callable[..., Any], batch: Batch) -> Step:
    """One call of the answer."""
    arguments = {"model": copy.deepcopy(batch.model), "batch": batch}
    found = call(Stepping(scaled_step), arguments, name="scaled_step")
    moved = _vector(found.handed["model"]) - _vector(batch.model)
    if batch.overflows:
        gap, length = 0.0, float(moved.norm())
    else:
        right = right_step(batch)
        gap = float((moved - right).norm() / right.norm())
        length = float(moved.norm() / right.norm())
    said = _truth(found.result, batch.name)
    return Step(name=batch.name, overflows=batch.overflows, gap=gap, length=length, said=said)


def _truth(value: object, name: str) -> bool:
    """True or False, in whatever type they come."""
    if isinstance(value, Tensor | np.ndarray) and np.ndim(value) == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_ | int) and value in (0, 1):
        return bool(value)
    raise CheckFailed(
        f"With {name}, scaled_step returned {kind_of(value)}; expected True where the step was "
        "made, and False where it was left out."
    )


def _vector(model: nn.Module) -> Tensor:
    """All weights in a row."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().double()


def _astray(step: Step) -> str | None:
    """A sentence on a step that is not the right one."""
    if step.gap <= TOLERANCE:
        return None
    if not math.isfinite(step.gap):
        return f"With {step.name}, some weights become NaN or infinite."
    if not step.length:
        return f"With {step.name}, {_unmoved(step)}"
    if abs(step.length - 1) > TOLERANCE:
        seen = f"is {two_digits(step.length)} times as long as"
    else:
        seen = f"ends {two_digits(step.gap)} of its length away from"
    return f"With {step.name}, the step {seen} the one that float32 makes."


def _further_astray(step: Step, other: Step) -> str | None:
    """A sentence on a step that is wrong by more than another, of which something else is said."""
    return None if step.gap <= 1.01 * other.gap else _astray(step)


def _unmoved(step: Step) -> str:
    """What to say where a step was right and none was made."""
    if step.said:
        return "no weight has moved."
    return (
        "scaled_step returned False and no weight has moved; but its gradient is finite, scaled "
        "too. Is your loss NaN, or your scaler switched off?"
    )
