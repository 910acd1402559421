"""Task 1: ``decaying_step(…)`` takes one step with the decay apart from the gradient."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coursekit.checks.check import Check, Clause
from coursekit.checks.optimizers_and_schedules.steps import (
    CLOSE,
    Gone,
    with_a_schedule,
    with_adam,
    with_another_loss,
    with_one_layer,
    with_two_rates,
)

STRONG, WEAK = 5.0, 0.2  # decays, for Adam's small rate and for the large ones of SGD


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Two steps each.

    Attributes:
        adam: With Adam.
        schedule: With SGD, whose rate drops in between.
        groups: With SGD and momentum, whose two groups of weights have two rates.
        stale: The same, after an earlier batch has left its gradient.
        held: With SGD that holds the first layer alone.
        other: With SGD, and another loss than cross-entropy.
    """

    adam: Gone
    schedule: Gone
    groups: Gone
    stale: Gone
    held: Gone
    other: Gone


def gather(decaying_step: Callable[..., Any]) -> Evidence:
    """Take steps where the right weights are known."""
    return Evidence(
        adam=with_adam(decaying_step, decay=STRONG),
        schedule=with_a_schedule(decaying_step, decay=WEAK),
        groups=with_two_rates(decaying_step, decay=WEAK),
        stale=with_two_rates(decaying_step, decay=WEAK, earlier=True),
        held=with_one_layer(decaying_step, decay=WEAK),
        other=with_another_loss(decaying_step, decay=WEAK),
    )


def earlier_gradient_does_not_count(evidence: Evidence) -> str | None:
    """What stood in .grad before is gone; compared with what the answer does without it."""
    if evidence.stale.gap <= max(CLOSE, 1.01 * evidence.groups.gap):
        return None
    return _astray(evidence.stale, "After a backward() on an earlier batch, two steps with SGD")


def adam_is_right(evidence: Evidence) -> str | None:
    """With Adam, the steps of AdamW."""
    return _astray(evidence.adam, f"With Adam and decay={STRONG:g}, two steps")


def each_group_has_its_rate(evidence: Evidence) -> str | None:
    """With two rates, each weight decays at its own."""
    return _astray(
        evidence.groups,
        f"With SGD, momentum, two groups with two rates and decay={WEAK:g}, two steps",
    )


def rate_is_the_present_one(evidence: Evidence) -> str | None:
    """After the rate has dropped, so has the decay."""
    given = "With SGD, whose rate drops to a tenth after the first step, two steps"
    return _astray(evidence.schedule, given)


def others_stay(evidence: Evidence) -> str | None:
    """A weight that the optimizer does not hold has no rate, and no decay."""
    return _astray(evidence.held, "With SGD that holds the first layer alone, two steps")


def the_loss_is_the_one_given(evidence: Evidence) -> str | None:
    """The gradient is that of loss_fn."""
    return _astray(evidence.other, "With SGD, and nn.MultiMarginLoss as loss_fn, two steps")


def verified(_: Evidence) -> str:
    """What a pass has shown."""
    return (
        "With Adam inside, your steps are those of AdamW; with SGD, each group of weights decays "
        "at its own rate, and less when the rate drops."
    )


check_decaying_step = Check(
    task="Task 1",
    takes=("decaying_step",),
    gather=gather,
    clauses=(
        Clause(
            name="stale",
            test=earlier_gradient_does_not_count,
            hint="backward() adds to the .grad that is there. What empties it, and when?",
        ),
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
            name="schedule",
            test=rate_is_the_present_one,
            hint="A scheduler changes 'lr' in each group; read it in each step.",
        ),
        Clause(
            name="held",
            test=others_stay,
            hint="What stands in no group has no rate. Go through the groups, not the model.",
        ),
        Clause(
            name="loss",
            test=the_loss_is_the_one_given,
            hint="decaying_step is handed a loss. Does your step use that one?",
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


def _astray(gone: Gone, given: str) -> str | None:
    """A sentence on steps that are not the right ones."""
    if gone.gap <= CLOSE:
        return None
    if not math.isfinite(gone.gap):
        return f"{given}: some weights become NaN or infinite."
    far = f"{gone.gap:.0%} of" if gone.gap < 2 else f"{gone.gap:.0f} times"
    likely = gone.likely()
    return (
        f"{given} miss the right weights by {far} the right way's length"
        f"{f': {likely}' if likely else ''}."
    )
