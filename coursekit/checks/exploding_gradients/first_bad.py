"""The optional task: ``first_bad(model, x)``: which layer gives the first value not finite?"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.exploding_gradients.leftovers import left_on
from coursekit.checks.networks import linear
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of

HUGE = 1e30  # two of them multiplied overflow float32
INPUTS = "inputs"


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A network, rows, and where the first value that is not finite stands.

    Attributes:
        name: What messages call it.
        model: The network.
        x: Inputs, shape (rows, features).
        expected: Name of the layer, ``"inputs"``, or None where all is finite.
    """

    name: str
    model: nn.Sequential
    x: Tensor
    expected: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """One call of the answer.

    Attributes:
        known: What it was called on.
        seen: What came back.
        outcome: The call, to see what it changed.
    """

    known: Known
    seen: object
    outcome: Call


Evidence = tuple[Answered, ...]


def networks() -> tuple[Known, ...]:
    """Chains of layers, with values that overflow in different places.

    >>> [known.expected for known in networks()]
    [None, '2', '0', '4', 'inputs', 'last']
    """
    one = torch.ones(2, 1)
    named = nn.Sequential()
    for name in ("first", "last"):
        named.add_module(name, nn.Sequential(linear([[HUGE]]), nn.ReLU()))
    return (
        Known(
            name="a network in which all is finite, and large", expected=None, x=one,
            model=nn.Sequential(linear([[3e38]]), nn.ReLU(), linear([[-1.0]])),
        ),
        Known(
            name="a network that overflows to inf in its second Linear", expected="2", x=one,
            model=nn.Sequential(
                linear([[HUGE]]), nn.ReLU(), linear([[HUGE]]), nn.ReLU(),
                linear([[1.0], [1.0]]), nn.ReLU(), linear([[1.0, torch.nan]]),
            ),
        ),
        Known(
            name="a network that overflows to -inf, which the ReLU behind it makes 0",
            expected="0", x=torch.full((2, 1), HUGE),
            model=nn.Sequential(linear([[-HUGE], [1.0]]), nn.ReLU(), linear([[1.0, 1.0]])),
        ),
        Known(
            name="a network with a NaN among its last weights", expected="4", x=one,
            model=nn.Sequential(linear([[1.0]]), nn.ReLU(), linear([[2.0]]), nn.ReLU(),
                                linear([[torch.nan]])),
        ),
        Known(
            name="rows that hold a NaN", expected=INPUTS, x=torch.tensor([[torch.nan], [1.0]]),
            model=nn.Sequential(linear([[1.0]]), nn.ReLU(), linear([[2.0]])),
        ),
        Known(
            name="two blocks with names, and one row of two that overflows", expected="last",
            x=torch.tensor([[0.0], [1.0]]), model=named,
        ),
    )  # fmt: skip


def gather(first_bad: Callable[..., object]) -> Evidence:
    """Ask about each network."""
    return tuple(_answered(first_bad, known) for known in networks())


def place_is_right(evidence: Evidence) -> str | None:
    """The first place is named, and None where there is none."""
    for one in evidence:
        if one.seen != one.known.expected:
            return (
                f"On {one.known.name}, your answer is {one.seen!r}; expected "
                f"{one.known.expected!r}."
            )
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """Model and rows are as they were."""
    for one in evidence:
        if not _as_it_was(one):
            return f"On {one.known.name}, first_bad changed the model or the rows."
        left = left_on(one.outcome.handed["model"])
        if left:
            return f"On {one.known.name}, first_bad left {left}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return f"On {len(evidence)} networks, your search names the place where it begins."


check_first_bad = Check(
    task="The optional task",
    takes=("first_bad",),
    gather=gather,
    clauses=(
        Clause(
            name="place",
            test=place_is_right,
            hint="inf, -inf and NaN are all not finite. Look behind every layer, and at the rows "
            "before the first.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="A search leaves the model and the rows as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "In which order do values come into being? Search in that order, and stop at the first.",
        "torch.isfinite(values).all() is False where one value is inf, -inf or NaN. "
        "model.named_children() gives the layers with their names.",
        'If x is not finite: return "inputs". Then for name, layer in model.named_children(): x = '
        "layer(x), and return name at the first x that is not finite. At the end: None.",
    ),
)


def _answered(first_bad: Callable[..., object], known: Known) -> Answered:
    """One call of the answer."""
    outcome = call(first_bad, {"model": known.model, "x": known.x}, name="first_bad")
    seen = outcome.result
    if seen is not None and not isinstance(seen, str):
        raise CheckFailed(
            f"On {known.name}, first_bad returned {kind_of(seen)}; expected the name of a layer, "
            f"{INPUTS!r} or None."
        )
    return Answered(known=known, seen=seen, outcome=outcome)


def _as_it_was(one: Answered) -> bool:
    """Whether model and rows hold what they held; a NaN is equal to itself here."""
    model = one.outcome.handed["model"]
    before = [*one.known.model.parameters(), one.known.x]
    after = [*model.parameters(), one.outcome.handed["x"]]
    modes = [[part.training for part in parts.modules()] for parts in (one.known.model, model)]
    same = (torch.allclose(old, new, rtol=0, atol=0, equal_nan=True)
            for old, new in zip(before, after, strict=True))  # fmt: skip
    return all(same) and modes[0] == modes[1]
