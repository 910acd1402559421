"""Task 2: ``gradient_norms(model, loss_fn, x, y)``: how much gradient does each layer get?"""

import numpy as np

from coursekit.checks.check import Check, Clause
from coursekit.checks.measuring import LEAVES_NOTHING_BEHIND, NO_OLD_GRADIENT, Probes, probes_of
from coursekit.checks.vanishing_gradients.networks import by_hand, ten_layers
from coursekit.checks.wording import told_apart, two_digits

TOLERANCE = 0.01  # of a norm; float32 keeps 1e-4 of it even behind ten sigmoids


def gather(gradient_norms: object) -> Probes:
    """Measure networks with answers known by hand, and ten layers of sigmoid and tanh."""
    probes = [*by_hand(), ten_layers("sigmoid"), ten_layers("tanh")]
    used = ten_layers("tanh", name="ten layers of tanh, after an earlier backward()")
    used.loss_fn(used.model(used.x.flip(0)), used.y).backward()
    return probes_of(gradient_norms, probes, used, name="gradient_norms")


def norms_are_right(evidence: Probes) -> str | None:
    """Each layer's norm is that of the batch's gradient in its weight."""
    for probe in evidence.fresh:
        gaps = np.abs(probe.seen - probe.expected) / probe.expected
        worst = int(gaps.argmax())
        if gaps[worst] > TOLERANCE:
            seen, expected = told_apart(probe.seen[worst], probe.expected[worst])
            return (
                f"On {probe.name}, layer {worst + 1} of {len(gaps)} has the norm {seen}; expected "
                f"{expected}."
            )
    return None


def starts_from_zero(evidence: Probes) -> str | None:
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


def verified(evidence: Probes) -> str:
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
        Clause(name="stale", test=starts_from_zero, hint=NO_OLD_GRADIENT),
        *LEAVES_NOTHING_BEHIND,
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
