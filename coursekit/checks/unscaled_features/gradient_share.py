"""Task 2: ``gradient_share(model, loss_fn, x, y)``: which feature drives the first layer?"""

import numpy as np

from coursekit.checks.check import Check, Clause
from coursekit.checks.measuring import (
    LEAVES_NOTHING_BEHIND,
    NO_OLD_GRADIENT,
    Probe,
    Probes,
    probes_of,
)
from coursekit.checks.networks import wine
from coursekit.checks.unscaled_features.networks import by_hand

TOLERANCE = 1e-3  # float32 keeps 1e-5, also where one column is 1000 times the others


def gather(gradient_share: object) -> Probes:
    """Measure networks with answers known by hand, and the wine network raw and standardised."""
    probes = [*by_hand(), wine(standardised=False), wine(standardised=True)]
    used = wine(standardised=True, name="standardised wine, after an earlier backward()")
    used.loss_fn(used.model(2 * used.x), used.y).backward()
    return probes_of(gradient_share, probes, used, name="gradient_share")


def shares_are_right(evidence: Probes) -> str | None:
    """The proportions between features are those of the batch's gradient."""
    return next((text for text in map(_wrong_share, evidence.fresh) if text), None)


def adds_up(evidence: Probes) -> str | None:
    """The shares add up to 1."""
    for probe in evidence.fresh:
        total = probe.seen.sum()
        if abs(total - 1) > TOLERANCE:
            return f"On {probe.name}, the shares add up to {total:.3g}; expected 1."
    return None


def starts_from_zero(evidence: Probes) -> str | None:
    """A gradient that an earlier batch left in the model does not count.

    Compared with what the answer itself gave without one, right or wrong.
    """
    clean = evidence.of("standardised wine").seen
    worst = int(np.abs(evidence.stale.seen - clean).argmax())
    if abs(evidence.stale.seen[worst] - clean[worst]) <= TOLERANCE:
        return None
    return (
        f"On {evidence.stale.name}, the share of feature {worst} is "
        f"{evidence.stale.seen[worst]:.3f}; without that gradient it is {clean[worst]:.3f}."
    )


def verified(evidence: Probes) -> str:
    """What a pass has shown."""
    raw, scaled = evidence.of("raw wine"), evidence.of("standardised wine")
    return (
        f"Measured by your function on wine, before the first step: the largest share is "
        f"{raw.seen.max():.2f} (column {raw.seen.argmax()}, proline) raw and "
        f"{scaled.seen.max():.2f} standardised."
    )


check_gradient_share = Check(
    task="Task 2",
    takes=("gradient_share",),
    gather=gather,
    clauses=(
        Clause(
            name="shares",
            test=shares_are_right,
            hint="The gradient of the loss over the whole batch, in the first Linear's weight: "
            "(units, features). Square it, then add up over the units.",
        ),
        Clause(name="sum", test=adds_up, hint="A share is a part of the total. Divide by it."),
        Clause(name="stale", test=starts_from_zero, hint=NO_OLD_GRADIENT),
        *LEAVES_NOTHING_BEHIND,
    ),
    verified=verified,
    hints=(
        "Which weight does the input enter first, and which of its two axes counts features?",
        "Print the .shape of the gradient of the first nn.Linear's weight. Try one row (3, 4): "
        "the shares must be .36 and .64, whatever the weights.",
        "layer = the first nn.Linear in model.modules(). Then "
        "(g,) = torch.autograd.grad(loss_fn(model(x), y), [layer.weight]): square g, add up over "
        "dim 0, and divide by the total.",
    ),
)


def _wrong_share(probe: Probe) -> str | None:
    """The feature whose share is furthest off, where one is; the total does not matter here."""
    total = probe.seen.sum()
    shares = probe.seen / total if total else probe.seen
    gaps = np.abs(shares - probe.expected)
    worst = int(gaps.argmax())
    if gaps[worst] <= TOLERANCE:
        return None
    return (
        f"On {probe.name}, feature {worst} has a share of {shares[worst]:.3f}; "
        f"expected {probe.expected[worst]:.3f}."
    )
