"""Task 2: ``swings(model, image, others)``: how far the partner moves what one image gets."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.networks import linear
from coursekit.checks.normalisation_layers.changed import first_change
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

SEED = 111
PARTNERS = 8
TOLERANCE = 0.01  # the smallest swing that is not 0 is 2; BatchNorm's eps moves it by 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A network, an image and its partners, with the swings that they give.

    Attributes:
        name: What messages call it.
        model: The network.
        image: Shape (features,).
        others: Shape (partners, features).
        expected: Shape (outputs,).
    """

    name: str
    model: nn.Module
    image: Tensor
    others: Tensor
    expected: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One call of the answer."""

    known: Known
    seen: Array
    outcome: Call


Evidence = tuple[Probe, ...]


def by_hand() -> tuple[Known, ...]:
    """Networks that a person can work out; their test does so.

    >>> [known.expected.tolist() for known in by_hand()]
    [[2.0], [0.0], [6.0, 2.0], [0.0, 0.0], [2.0], [4.0]]
    """
    zero = torch.zeros(1)
    both_sides = torch.tensor([[1.0], [-1.0], [5.0]])
    return (
        Known(
            name="a BatchNorm, with partners above and below",
            model=nn.BatchNorm1d(1), image=zero, others=both_sides, expected=np.array([2.0]),
        ),
        Known(
            name="a BatchNorm, with both partners above",
            model=nn.BatchNorm1d(1), image=zero, others=torch.tensor([[1.0], [9.0]]),
            expected=np.array([0.0]),
        ),
        Known(
            name="a BatchNorm between two Linear layers",
            model=nn.Sequential(linear([[2.0]]), nn.BatchNorm1d(1), linear([[3.0], [-1.0]])),
            image=zero, others=both_sides, expected=np.array([6.0, 2.0]),
        ),
        Known(
            name="a LayerNorm", model=nn.LayerNorm(2), image=torch.tensor([1.0, 4.0]),
            others=torch.tensor([[3.0, 0.0], [-9.0, 9.0]]), expected=np.zeros(2),
        ),
        Known(
            name="a BatchNorm that comes in evaluation mode",
            model=nn.BatchNorm1d(1).eval(), image=zero, others=both_sides,
            expected=np.array([2.0]),
        ),
        Known(
            name="a frozen BatchNorm (in evaluation mode) in a model in training mode",
            model=nn.Sequential(nn.BatchNorm1d(1).eval(), linear([[2.0]])),
            image=zero, others=both_sides, expected=np.array([4.0]),
        ),
    )  # fmt: skip


def digits() -> Known:
    """A Linear layer and a BatchNorm before the pixels of nine digits."""
    x = torch.tensor(load_dataset("digits").x[: PARTNERS + 1] / 16, dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        first = nn.Linear(64, 6)
    weight, shift = (part.detach().double().numpy() for part in first.parameters())
    came = x.double().numpy() @ weight.T + shift  # (rows, units)
    half = (came[0] - came[1:]) / 2  # of two numbers, the distance to their mean
    outputs = half / np.sqrt(half**2 + 1e-5)  # (partners, units)
    return Known(
        name="digits before a Linear layer and a BatchNorm",
        model=nn.Sequential(first, nn.BatchNorm1d(6)), image=x[0], others=x[1:],
        expected=outputs.max(axis=0) - outputs.min(axis=0),
    )  # fmt: skip


def gather(swings: Callable[..., object]) -> Evidence:
    """Call the answer on networks known by hand, and on digits."""
    return tuple(_probe(swings, known) for known in (*by_hand(), digits()))


def swings_are_right(evidence: Evidence) -> str | None:
    """Each output's largest value for the image less its smallest."""
    for probe in evidence:
        wrong = np.flatnonzero(~(np.abs(probe.seen - probe.known.expected) <= TOLERANCE))
        if wrong.size:
            place = int(wrong[0])
            seen, expected = told_apart(probe.seen[place], probe.known.expected[place])
            return (
                f"On {probe.known.name}, output {place} of the image swings by {seen}; expected "
                f"{expected}."
            )
    return None


def rows_are_left_alone(evidence: Evidence) -> str | None:
    """Image and partners are as they were."""
    for probe in evidence:
        changed = " and ".join(name for name in probe.outcome.altered if name != "model")
        if changed:
            return f"On {probe.known.name}, swings changed {changed}."
    return None


def model_is_as_it_was(evidence: Evidence) -> str | None:
    """Nothing about the model has changed."""
    for probe in evidence:
        changed = first_change(probe.known.model, probe.outcome.handed["model"])
        if changed:
            return f"On {probe.known.name}: {changed}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    largest = float(evidence[-1].seen.max())
    return (
        "Measured by your function, another partner moves a unit behind BatchNorm by up to "
        f"{largest:.1f}, which is all that two rows leave it; behind LayerNorm by 0."
    )


check_swings = Check(
    task="Task 2",
    takes=("swings",),
    gather=gather,
    clauses=(
        Clause(
            name="swings",
            test=swings_are_right,
            hint="One batch of two for each partner, every layer in training mode; of each result "
            "the image's row alone; then, for each output, the largest less the smallest.",
        ),
        Clause(
            name="rows",
            test=rows_are_left_alone,
            hint="-= works in place: the caller's rows are overwritten. Make a new tensor.",
        ),
        Clause(
            name="model",
            test=model_is_as_it_was,
            hint="A pass in training mode moves three buffers of a BatchNorm, and train() sets the "
            "mode of every layer. On what else could all this happen?",
        ),
    ),
    verified=verified,
    hints=(
        "How do you get a batch of two rows out of the image and one partner?",
        "Print what you get for nn.BatchNorm1d(1), an image of 0 and partners 1 and −1: the image "
        "becomes −1 beside the one and +1 beside the other. And print its running_mean afterwards.",
        "Work on copy.deepcopy(model).train(). For each partner: torch.stack([image, partner]) "
        "through the copy, keep row 0. Stack what you kept: max over the partners less min.",
    ),
)


def _probe(swings: Callable[..., object], known: Known) -> Probe:
    """One call of the answer."""
    arguments = {"model": known.model, "image": known.image, "others": known.others}
    source = f"On {known.name}, swings"
    outcome = call(swings, arguments, name=source)
    seen = as_array(outcome.result, shape=known.expected.shape, source=source, finite=False)
    return Probe(known=known, seen=seen, outcome=outcome)
