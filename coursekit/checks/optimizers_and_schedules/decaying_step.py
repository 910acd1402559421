"""Task 1: ``decaying_step(…)`` takes one step with the decay apart from the gradient."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coursekit.checks.check import Check, Clause
from coursekit.checks.optimizers_and_schedules.steps import CLOSE, Step, with_adam, with_two_rates

STRONG, WEAK = 5.0, 0.2  # decays, for Adam's small rate and for the large ones of SGD


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Three steps.

    Attributes:
        adam: With Adam.
        groups: With SGD, whose two groups of weights have two rates.
        stale: The same, after an earlier batch has left its gradient.
    """

    adam: Step
    groups: Step
    stale: Step


def gather(decaying_step: Callable[..., Any]) -> Evidence:
    """Take steps where the right weights are known."""
    return Evidence(
        adam=with_adam(decaying_step, decay=STRONG),
        groups=with_two_rates(decaying_step, decay=WEAK),
        stale=with_two_rates(decaying_step, decay=WEAK, earlier=True),
    )


def adam_is_right(evidence: Evidence) -> str | None:
    """With Adam, the step of AdamW."""
    return _astray(evidence.adam, f"With Adam and decay={STRONG:g}")


def each_group_has_its_rate(evidence: Evidence) -> str | None:
    """With two rates, each weight decays at its own."""
    return _astray(evidence.groups, f"With SGD, two groups with two rates and decay={WEAK:g}")


def earlier_gradient_does_not_count(evidence: Evidence) -> str | None:
    """What stood in .grad before is gone; compared with what the answer does without it."""
    if evidence.stale.gap <= max(CLOSE, 1.01 * evidence.groups.gap):
        return None
    return _astray(evidence.stale, "After a backward() on an earlier batch")


def verified(_: Evidence) -> str:
    """What a pass has shown."""
    return (
        "With Adam inside, your step is that of AdamW; with SGD, each group of weights decays at "
        "its own rate."
    )


check_decaying_step = Check(
    task="Task 1",
    takes=("decaying_step",),
    gather=gather,
    clauses=(
        Clause(
            name="adam",
            test=adam_is_right,
            hint="The gradient that Adam sees is that of the data alone. Beside it, each weight "
            "loses rate × decay of itself.",
        ),
        Clause(
            name="groups",
            test=each_group_has_its_rate,
            hint="optimizer.param_groups is a list of dictionaries. Each has its weights, "
            "'params', and its rate, 'lr'.",
        ),
        Clause(
            name="stale",
            test=earlier_gradient_does_not_count,
            hint="backward() adds to the .grad that is there. What empties it?",
        ),
    ),
    verified=verified,
    hints=(
        "Two things change a weight in one step: the optimizer, and the decay. Which of them must "
        "not see the other?",
        "Take a copy of a model and one step on it with torch.optim.AdamW, another with yours and "
        "torch.optim.Adam. Print how far a weight moved in each.",
        "zero_grad, backward; for group in optimizer.param_groups, for weight in group['params']: "
        "under torch.no_grad(), weight *= 1 - group['lr'] * decay; then optimizer.step().",
    ),
)


def _astray(step: Step, given: str) -> str | None:
    """A sentence on a step that is not the right one."""
    if step.gap <= CLOSE:
        return None
    if not math.isfinite(step.gap):
        return f"{given}, some weights become NaN or infinite."
    likely = f": {step.likely}" if step.likely else ""
    return (
        f"{given}, the weights end {step.gap:.0%} of the right step's length away from where they "
        f"should be{likely}."
    )
