"""Probes: calls of a learner's measurement where the right answer is known, and what they left."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Clause
from coursekit.checks.networks import Array, Measured
from coursekit.checks.reading import as_array

NO_OLD_GRADIENT = "backward() adds to the .grad that is there. torch.autograd.grad does not."


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One measurement whose answer is known.

    Attributes:
        name: What messages call it.
        answer: Name of the function that measured.
        expected: The right answer.
        seen: What came back, of the same shape.
        outcome: The call, to see what it left behind.
    """

    name: str
    answer: str
    expected: Array
    seen: Array
    outcome: Call


@dataclass(frozen=True, kw_only=True, eq=False)
class Probes:
    """The probes with fresh models, and one whose model had gradients from an earlier batch."""

    fresh: tuple[Probe, ...]
    stale: Probe

    def of(self, name: str) -> Probe:
        """A probe by its name."""
        return next(probe for probe in self.fresh if probe.name == name)


def probes_of(function: object, known: Sequence[Measured], used: Measured, *, name: str) -> Probes:
    """Measure networks with an answer.

    Args:
        function: The answer: it takes model, loss_fn, x and y.
        known: Networks without gradients.
        used: One that has gradients from an earlier batch.
        name: What messages call the function.

    Raises:
        CheckFailed: The function raised an error, or returned something of another shape.

    >>> import numpy as np
    >>> import torch
    >>> layer = nn.Linear(1, 1)
    >>> known = Measured(
    ...     name="one weight", model=layer, loss_fn=nn.MSELoss(), x=torch.ones(1, 1),
    ...     y=torch.zeros(1, 1), expected=np.ones(1),
    ... )
    >>> answer = lambda model, loss_fn, x, y: x[0]
    >>> probes_of(answer, [known], known, name="inputs").of("one weight").seen.tolist()
    [1.0]
    """
    return Probes(
        fresh=tuple(_probe(function, one, name) for one in known),
        stale=_probe(function, used, name),
    )


def leaves_no_gradient(evidence: Probes) -> str | None:
    """A model without gradients has none afterwards."""
    for probe in evidence.fresh:
        weights = probe.outcome.handed["model"].named_parameters()
        left = [name for name, weight in weights if _has_gradient(weight)]
        if left:
            return f"On {probe.name}, the gradient of {left[0]} stays behind in the model's .grad."
    return None


def changes_nothing(evidence: Probes) -> str | None:
    """Model and data are as they were."""
    for probe in evidence.fresh:
        if probe.outcome.altered:
            changed = " and ".join(probe.outcome.altered)
            return f"On {probe.name}, {probe.answer} changed {changed}."
    return None


LEAVES_NOTHING_BEHIND = (
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
)


def _probe(function: object, known: Measured, name: str) -> Probe:
    """One call of the answer."""
    arguments = {"model": known.model, "loss_fn": known.loss_fn, "x": known.x, "y": known.y}
    outcome = call(function, arguments, name=name)
    source = f"On {known.name}, {name}"
    seen = as_array(outcome.result, shape=known.expected.shape, source=source)
    return Probe(name=known.name, answer=name, expected=known.expected, seen=seen, outcome=outcome)


def _has_gradient(weight: nn.Parameter) -> bool:
    """Whether a gradient was left that the next step would use."""
    return weight.grad is not None and bool(weight.grad.count_nonzero())
