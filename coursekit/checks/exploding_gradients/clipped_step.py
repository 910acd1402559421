"""Task 1: ``clipped_step(…)`` takes one step whose gradient is not longer than a limit."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from coursekit.checks.check import Check, Clause
from coursekit.checks.exploding_gradients.steps import Step, from_no_number, starts, step_of
from coursekit.checks.wording import two_digits

TOLERANCE = 1e-3  # of the step; float32 keeps 1e-6
SHORT, LONG = 0.1, 1000.0  # limits, below and above the length of the gradient


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Steps with a limit below and above the gradient, after an old one, and from no number.

    Attributes:
        cut: The limit is shorter than the gradient.
        whole: The limit is longer.
        other: The same, with another loss than cross-entropy.
        stale: As `cut`, but an earlier batch left a gradient.
        rolling: As `cut`, but the optimizer has momentum of an earlier step.
        behind: As `rolling`, but the answer got a batch of NaN in between.
        stayed: Whether the weights stayed, where outputs overflow and where gradients do.
        said: What came back then.
    """

    cut: Step
    whole: Step
    other: Step
    stale: Step
    rolling: Step
    behind: Step
    stayed: tuple[bool, ...]
    said: tuple[float, ...]


def gather(clipped_step: Callable[..., Any]) -> Evidence:
    """Take steps where the right weights are known."""
    found = [from_no_number(clipped_step, *start, limit=SHORT) for start in starts()]
    return Evidence(
        cut=step_of(clipped_step, limit=SHORT),
        whole=step_of(clipped_step, limit=LONG),
        other=step_of(clipped_step, limit=LONG, loss_fn=nn.MultiMarginLoss()),
        stale=step_of(clipped_step, limit=SHORT, earlier=True),
        rolling=step_of(clipped_step, limit=SHORT, rolling=True),
        behind=step_of(clipped_step, limit=SHORT, rolling=True, spoilt=True),
        stayed=tuple(stayed for stayed, _ in found),
        said=tuple(said for _, said in found),
    )


def long_is_cut(evidence: Evidence) -> str | None:
    """A gradient longer than the limit: its direction, the limit as its length."""
    return _astray(evidence.cut)


def short_is_kept(evidence: Evidence) -> str | None:
    """A shorter one is used as it is."""
    return _astray(evidence.whole)


def the_loss_is_the_one_given(evidence: Evidence) -> str | None:
    """The gradient is that of loss_fn, where it is right with cross-entropy."""
    if evidence.whole.gap > TOLERANCE or evidence.other.gap <= TOLERANCE:  # or said elsewhere
        return None
    return f"With nn.MultiMarginLoss as loss_fn: {_astray(evidence.other)}"


def earlier_gradient_does_not_count(evidence: Evidence) -> str | None:
    """What stood in .grad before is gone; compared with what the answer does without it."""
    if evidence.stale.gap <= max(TOLERANCE, 1.01 * evidence.cut.gap):
        return None
    return f"After a backward() on an earlier batch: {_astray(evidence.stale)}"


def the_optimizer_steps(evidence: Evidence) -> str | None:
    """The optimizer's momentum is in the step; compared with what the answer does without it."""
    if evidence.rolling.gap <= max(TOLERANCE, 1.01 * evidence.cut.gap):
        return None
    return f"With momentum of an earlier step: {_astray(evidence.rolling)}"


def length_before_the_cut(evidence: Evidence) -> str | None:
    """What comes back is the length of the batch's gradient, whatever the limit."""
    for step in (evidence.cut, evidence.whole):
        if not math.isclose(step.said, step.length, rel_tol=0.01):
            return (
                f"With limit={step.limit:g}, {two_digits(step.said)} came back; before any cut, "
                f"the gradient of all weights together is {two_digits(step.length)} long."
            )
    return None


def no_step_from_no_number(evidence: Evidence) -> str | None:
    """Where the gradient is not finite, the weights stay, and what comes back says so."""
    cases = (
        "Where the outputs are not finite",
        "Where the loss is finite and the gradient is not",
        "Where the loss is finite, and one entry of a bias has a gradient of -inf",
    )
    for case, stayed, said in zip(cases, evidence.stayed, evidence.said, strict=True):
        if not stayed:
            return f"{case}, the weights do not stay where they are."
        if math.isfinite(said):
            return f"{case}, {two_digits(said)} came back."
    return None


def the_next_step_is_whole(evidence: Evidence) -> str | None:
    """A batch that moved no weight has not spoilt the optimizer either."""
    least = max(TOLERANCE, 1.01 * evidence.rolling.gap)
    said_elsewhere = not all(evidence.stayed) or earlier_gradient_does_not_count(evidence)
    if evidence.behind.gap <= least or said_elsewhere:
        return None
    return f"In the step after a batch of NaN: {_astray(evidence.behind)}"


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"A gradient {two_digits(evidence.cut.length)} long is cut to {SHORT:g} and keeps its "
        "direction; a shorter one is used as it is; one that is not finite moves nothing, and the "
        "step after it is whole."
    )


check_clipped_step = Check(
    task="Task 1",
    takes=("clipped_step",),
    gather=gather,
    clauses=(
        Clause(
            name="cut",
            test=long_is_cut,
            hint="All weights are cut together, by one factor, before the optimizer takes its "
            "step: the lesson names two functions, and says which of them keeps the direction.",
        ),
        Clause(
            name="whole",
            test=short_is_kept,
            hint="A gradient that is shorter than the limit stays as it is.",
        ),
        Clause(
            name="loss",
            test=the_loss_is_the_one_given,
            hint="clipped_step is handed a loss. Does your step use that one?",
        ),
        Clause(
            name="stale",
            test=earlier_gradient_does_not_count,
            hint="backward() adds to the .grad that is there. What empties it?",
        ),
        Clause(
            name="momentum",
            test=the_optimizer_steps,
            hint="optimizer.step() moves the weights: rate and momentum are its own.",
        ),
        Clause(
            name="length",
            test=length_before_the_cut,
            hint="One length of all weights together, as it was before the cut. Does something in "
            "your step return it?",
        ),
        Clause(
            name="finite",
            test=no_step_from_no_number,
            hint="Look at the length before you call optimizer.step(): torch.isfinite. With "
            "momentum, a gradient of zeros moves the weights too.",
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
        "A step has four parts in their order. Between which two of them is there a gradient that "
        "has not been used yet?",
        "Take a copy of a model, one plain step on it, and compare: how far did the weights move "
        "with and without your cut?",
        "zero_grad, backward; length = nn.utils.clip_grad_norm_(model.parameters(), limit); step "
        "only if torch.isfinite(length); return length.",
    ),
)


def _astray(step: Step) -> str | None:
    """A sentence on a step that is not the right one."""
    if step.gap <= TOLERANCE:
        return None
    given = f"With limit={step.limit:g} and a gradient {two_digits(step.length)} long"
    if not math.isfinite(step.gap):
        return f"{given}, some weights become NaN or infinite."
    if abs(step.ratio - 1) > 0.01:
        return f"{given}, the step is {two_digits(step.ratio)} times as long as it should be."
    return f"{given}, the step has the right length and another direction."
