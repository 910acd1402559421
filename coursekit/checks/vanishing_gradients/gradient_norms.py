"""Task 2: ``gradient_norms(model, loss_fn, x, y)``: how much gradient does each layer get?"""

from dataclasses import dataclass

import numpy as np
from torch import nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.vanishing_gradients.networks import Array, Measured, by_hand, ten_layers
from coursekit.checks.wording import two_digits

TOLERANCE = 0.01  # of a norm; float32 keeps 1e-4 of it even behind ten sigmoids


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One measurement whose answer is known.

    Attributes:
        name: What messages call it.
        expected: The norms, shape (layers,).
        seen: What came back, shape (layers,).
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


def gather(gradient_norms: object) -> Evidence:
    """Measure networks with answers known by hand, and ten layers of sigmoid and tanh."""
    probes = [*by_hand(), ten_layers("sigmoid"), ten_layers("tanh")]
    used = ten_layers("tanh", name="ten layers of tanh, after an earlier backward()")
    used.loss_fn(used.model(used.x.flip(0)), used.y).backward()
    return Evidence(
        fresh=tuple(_probe(gradient_norms, one) for one in probes),
        stale=_probe(gradient_norms, used),
    )


def norms_are_right(evidence: Evidence) -> str | None:
    """Each layer's norm is that of the batch's gradient in its weight."""
    for probe in evidence.fresh:
        gaps = np.abs(probe.seen - probe.expected) / probe.expected
        worst = int(gaps.argmax())
        if gaps[worst] > TOLERANCE:
            return (
                f"On {probe.name}, layer {worst + 1} of {len(gaps)} has the norm "
                f"{two_digits(probe.seen[worst])}; expected {two_digits(probe.expected[worst])}."
            )
    return None


def starts_from_zero(evidence: Evidence) -> str | None:
    """A gradient that an earlier batch left in the model does not count.

    Compared with what the answer itself gave without one, right or wrong.
    """
    clean = evidence.of("ten layers of tanh").seen
    gaps = np.abs(evidence.stale.seen - clean)
    worst = int(gaps.argmax())
    if gaps[worst] <= TOLERANCE * np.abs(clean[worst]):
        return None
    return (
        f"On {evidence.stale.name}, layer {worst + 1} has the norm "
        f"{two_digits(evidence.stale.seen[worst])}; without that gradient it has "
        f"{two_digits(clean[worst])}."
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
            return f"On {probe.name}, gradient_norms changed {changed}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown: orders of magnitude, as the digits differ between machines."""
    sigmoid, tanh = (
        round(float(np.log10(probe.seen[0] / probe.seen[-1])))
        for probe in (evidence.of("ten layers of sigmoid"), evidence.of("ten layers of tanh"))
    )
    return (
        "Measured by your function, before the first step: of the last layer's gradient norm, the "
        f"first layer gets 10^{sigmoid} behind ten layers of sigmoid and 10^{tanh} behind ten of "
        "tanh."
    )


check_gradient_norms = Check(
    task="Task 2",
    takes=("gradient_norms",),
    gather=gather,
    clauses=(
        Clause(
            name="norms",
            test=norms_are_right,
            hint="The gradient of the loss in the weight of each nn.Linear of model.modules(): "
            "square all entries, add them up, take the root.",
        ),
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
        "Which modules of a model hold the weights that the task counts, and where does PyTorch "
        "put the gradient of a weight?",
        "Try it by hand: two layers of one unit, weights 2 and 3, no bias, input 1, target 0, "
        "MSELoss. The norms must be 36 and 24.",
        "weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]. "
        "torch.autograd.grad(loss_fn(model(x), y), weights) gives one gradient for each; take "
        ".norm() of each.",
    ),
)


def _probe(answer: object, known: Measured) -> Probe:
    """One call of the answer."""
    arguments = {"model": known.model, "loss_fn": known.loss_fn, "x": known.x, "y": known.y}
    outcome = call(answer, arguments, name="gradient_norms")
    source = f"On {known.name}, gradient_norms"
    seen = as_array(outcome.result, shape=known.expected.shape, source=source)
    return Probe(name=known.name, expected=known.expected, seen=seen, outcome=outcome)


def _has_gradient(weight: nn.Parameter) -> bool:
    """Whether a gradient was left that the next step would use."""
    return weight.grad is not None and bool(weight.grad.count_nonzero())
