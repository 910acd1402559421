"""Task 2: ``gradient_share(model, loss_fn, x, y)``: which feature drives the first layer?"""

from dataclasses import dataclass

import numpy as np
from torch import nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.unscaled_features.networks import Array, Measured, by_hand, wine

TOLERANCE = 1e-3  # float32 keeps 1e-5, also where one column is 1000 times the others


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One measurement whose answer is known.

    Attributes:
        name: What messages call it.
        expected: The shares, shape (features,).
        seen: What came back, shape (features,).
        outcome: The call, to see what it left behind.
    """

    name: str
    expected: Array
    seen: Array
    outcome: Call


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """The probes with fresh models, and one whose model had gradients from an earlier batch."""

    fresh: tuple[Probe, ...]
    stale: Probe

    def of(self, name: str) -> Probe:
        """A probe by its name."""
        return next(probe for probe in self.fresh if probe.name == name)


def gather(gradient_share: object) -> Evidence:
    """Measure networks with answers known by hand, and the wine network raw and standardised."""
    probes = [*by_hand(), wine(standardised=False), wine(standardised=True)]
    used = wine(standardised=True, name="standardised wine, after an earlier backward()")
    used.loss_fn(used.model(2 * used.x), used.y).backward()
    return Evidence(
        fresh=tuple(_probe(gradient_share, one) for one in probes),
        stale=_probe(gradient_share, used),
    )


def shares_are_right(evidence: Evidence) -> str | None:
    """The proportions between features are those of the batch's gradient."""
    return next((text for text in map(_wrong_share, evidence.fresh) if text), None)


def adds_up(evidence: Evidence) -> str | None:
    """The shares add up to 1."""
    for probe in evidence.fresh:
        total = probe.seen.sum()
        if abs(total - 1) > TOLERANCE:
            return f"On {probe.name}, the shares add up to {total:.3g}; expected 1."
    return None


def starts_from_zero(evidence: Evidence) -> str | None:
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


def leaves_no_gradient(evidence: Evidence) -> str | None:
    """A model without gradients has none afterwards."""
    for probe in evidence.fresh:
        weights = probe.outcome.handed["model"].named_parameters()
        left = [name for name, weight in weights if _has_gradient(weight)]
        if left:
            return f"On {probe.name}, the gradient of {left[0]} stays behind in the model's .grad."
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """Model and data are as they were."""
    for probe in evidence.fresh:
        if probe.outcome.altered:
            changed = " and ".join(probe.outcome.altered)
            return f"On {probe.name}, gradient_share changed {changed}."
    return None


def verified(evidence: Evidence) -> str:
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
        Clause(
            name="stale",
            test=starts_from_zero,
            hint="backward() adds to the .grad that is there. torch.autograd.grad does not.",
        ),
        Clause(
            name="leftover",
            test=leaves_no_gradient,
            hint="The next optimizer step would use it. torch.autograd.grad leaves nothing.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="A measurement leaves the model and the data as it found them.",
        ),
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


def _probe(answer: object, known: Measured) -> Probe:
    """One call of the answer."""
    arguments = {"model": known.model, "loss_fn": known.loss_fn, "x": known.x, "y": known.y}
    outcome = call(answer, arguments, name="gradient_share")
    source = f"On {known.name}, gradient_share"
    seen = as_array(outcome.result, shape=known.expected.shape, source=source)
    return Probe(name=known.name, expected=known.expected, seen=seen, outcome=outcome)


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


def _has_gradient(weight: nn.Parameter) -> bool:
    """Whether a gradient was left that the next step would use."""
    return weight.grad is not None and bool(weight.grad.count_nonzero())
