"""Task 2: ``mismatch(trained_on, in_use)`` tells how far the inputs in use lie from training."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.mismatched_transforms.stacks import Array, Pair, by_hand, photographs
from coursekit.checks.reading import as_array
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of

TOLERANCE = 0.01  # n or n - 1 in the spread differ by .003 in 200 pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One pair of stacks whose answer is known, and what came back.

    Attributes:
        pair: The stacks, and what a right measurement gives.
        shift: The shifts that came back, shape (channels,).
        ratio: The ratios that came back, shape (channels,).
        outcome: The call, to see what it changed.
    """

    pair: Pair
    shift: Array
    ratio: Array
    outcome: Call


Evidence = tuple[Probe, ...]


def gather(mismatch: object) -> Evidence:
    """Measure stacks that a person can work out, and patches of the photographs, spoilt."""
    return tuple(_probe(mismatch, pair) for pair in (*by_hand(), *photographs()))


def shifts_are_right(evidence: Evidence) -> str | None:
    """The difference of the means, in spreads of training."""
    for probe in evidence:
        text = _wrong(probe.shift, probe.pair.shift, f"On {probe.pair.name}, the shift")
        if text:
            return text
    return None


def ratios_are_right(evidence: Evidence) -> str | None:
    """The spread in use over the spread in training."""
    for probe in evidence:
        text = _wrong(probe.ratio, probe.pair.ratio, f"On {probe.pair.name}, the ratio")
        if text:
            return text
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """Both stacks are as they were."""
    for probe in evidence:
        if probe.outcome.altered:
            changed = " and ".join(probe.outcome.altered)
            return f"On {probe.pair.name}, mismatch changed {changed} in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    photos = {probe.pair.name: probe for probe in evidence}
    forgotten, other = photos["a forgotten Normalize"], photos["another order of channels"]
    return (
        "Measured by your function on patches of the photographs: a forgotten Normalize shifts "
        f"each channel by {forgotten.shift.min():.1f} spreads or more and leaves "
        f"{forgotten.ratio[0]:.1f} of the spread; another order of channels shifts none by more "
        f"than {np.abs(other.shift).max():.1f}."
    )


check_mismatch = Check(
    task="Task 2",
    takes=("mismatch",),
    gather=gather,
    clauses=(
        Clause(
            name="shift",
            test=shifts_are_right,
            hint="The mean in use minus the mean in training, over the spread of training, each "
            "taken over all pixels of all pictures of a channel.",
        ),
        Clause(
            name="ratio",
            test=ratios_are_right,
            hint="The spread in use over the spread in training, each taken over all pixels of all "
            "pictures of a channel at once.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="A measurement leaves the pictures as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "Which of the four axes must still be there in the result?",
        "Print trained_on.mean(dim=(0, 2, 3)) and its shape, and the same of in_use. The lesson's "
        "section 'Another order of channels' has both lines.",
        "mean and std over dim=(0, 2, 3) give one number a channel. shift is the difference of the "
        "means over the std of trained_on, ratio is the std of in_use over that of trained_on.",
    ),
)


def _probe(answer: object, pair: Pair) -> Probe:
    """One call of the answer."""
    arguments = {"trained_on": pair.trained_on, "in_use": pair.in_use}
    outcome = call(answer, arguments, name="mismatch")
    shift, ratio = _two(outcome.result)
    shape = (pair.trained_on.shape[1],)
    return Probe(
        pair=pair,
        shift=as_array(shift, shape=shape, source=f"On {pair.name}, for the shift, mismatch"),
        ratio=as_array(ratio, shape=shape, source=f"On {pair.name}, for the ratio, mismatch"),
        outcome=outcome,
    )


def _two(value: object) -> tuple[object, object]:
    """The two parts of what came back, or one sentence about it."""
    several = isinstance(value, tuple | list) or (
        isinstance(value, Tensor | np.ndarray) and value.ndim > 0
    )
    if several and len(value) == 2:  # type: ignore[arg-type]
        return value[0], value[1]  # type: ignore[index]
    forgotten = " Is the return missing?" if value is None else ""
    raise CheckFailed(
        f"mismatch returned {kind_of(value)}; expected two things, shift and ratio.{forgotten}"
    )


def _wrong(seen: Array, expected: Array, what: str) -> str | None:
    """The channel that is furthest off, where one is."""
    allowed = TOLERANCE * np.maximum(np.abs(expected), 1.0)
    gaps = np.abs(seen - expected) / allowed
    worst = int(gaps.argmax())
    if gaps[worst] <= 1:
        return None
    return f"{what} of channel {worst} is {seen[worst]:.2f}; expected {expected[worst]:.2f}."
