"""Task 2: ``lost(gradient, dtype, scale)``: what would 16 bits make of a gradient?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.networks import Array
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart
from coursekit.datasets import load_dataset

SEED = 114
TOLERANCE = 1e-4
ROWS = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A gradient whose answer is known.

    Attributes:
        name: What messages call it.
        gradient: Float32, of any shape.
        dtype: The format.
        scale: What it is multiplied by first.
        expected: Shares that become 0 and infinite, shape (2,).
    """

    name: str
    gradient: Tensor
    dtype: torch.dtype
    scale: float
    expected: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One call of the answer.

    Attributes:
        known: What it was called on.
        seen: What came back, shape (2,).
        outcome: The call, to see what it left behind.
    """

    known: Known
    seen: Array
    outcome: Call


Evidence = tuple[Probe, ...]


def by_hand() -> tuple[Known, ...]:
    """Gradients that a person can work out; their test does so.

    >>> [known.expected.tolist() for known in by_hand()][:3]
    [[0.25, 0.0], [0.0, 0.5], [0.25, 0.0]]
    """
    small, large = [1e-8, 4e-8, -1e-6, 0.5], [70000.0, -1e6, 65510.0, 2.0]
    half, brain = torch.float16, torch.bfloat16
    return (
        _known("small numbers", small, half, 1, (0.25, 0)),
        _known("large numbers", large, half, 1, (0, 0.5)),
        _known("small numbers", [1e-8, 4e-8, -4e-41, 0.5], brain, 1, (0.25, 0)),
        _known("large numbers", [70000.0, -1e6, 3.4e38, 2.0], brain, 1, (0, 0.25)),
        _known("zeros and small numbers", [0.0, 0.0, 1e-8, -1e-9, 1e-3], half, 1, (2 / 3, 0)),
        _known("zeros and large numbers", [0.0, 0.0, 7e4, -1.0], half, 1, (0, 0.5)),
        _known("a table of numbers", [[1e-8, 1e-8], [1e-13, 1.0]], half, 2.0**16, (0.25, 0.25)),
        _known("a table of numbers", [[1e-8, 1e-8], [1e-13, 1.0]], half, 1024, (0.25, 0)),
        _known("small and large numbers", [4e-41, 1.0, 2.0, 7e4], half, 1e-5, (0.25, 0)),
        _known("zeros alone", [0.0, 0.0, 0.0], half, 1, (0, 0)),
    )  # fmt: skip


def on_digits(dtype: torch.dtype, scale: float) -> Known:
    """The lesson's gradient at the logits: digits, a network at its start, a loss of small weight.

    Args:
        dtype: The format; float16 or bfloat16.
        scale: What the gradient is multiplied by.
    """
    data = load_dataset("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    with torch.no_grad():
        logits = model(torch.tensor(data.x[:ROWS] / 16, dtype=torch.float32))
    odds = torch.softmax(logits, dim=1).numpy()
    gradient = (1e-6 * (odds - np.eye(10)[data.y[:ROWS]]) / ROWS).astype(np.float32)
    gone = float((_rounded(gradient * np.float32(scale), dtype) == 0).mean())
    return Known(
        name=f"digits in {_name(dtype)}{f', scale {scale:g}' * (scale != 1)}",
        gradient=torch.tensor(gradient), dtype=dtype, scale=scale, expected=np.array([gone, 0.0]),
    )  # fmt: skip


def gather(lost: Callable[..., object]) -> Evidence:
    """Measure gradients with answers known by hand, and that of digits."""
    half = torch.float16
    digits = (on_digits(half, 1), on_digits(half, 2.0**16), on_digits(torch.bfloat16, 1))
    return tuple(_probe(lost, known) for known in (*by_hand(), *digits))


def zeros_are_counted(evidence: Evidence) -> str | None:
    """The share that becomes 0, without a scale."""
    return _first_wrong(_plain(evidence), 0)


def infinities_are_counted(evidence: Evidence) -> str | None:
    """The share that becomes infinite, without a scale."""
    return _first_wrong(_plain(evidence), 1)


def the_scale_counts(evidence: Evidence) -> str | None:
    """Both shares of what is scaled first."""
    scaled = [probe for probe in evidence if probe.known.scale != 1]
    return _first_wrong(scaled, 0) or _first_wrong(scaled, 1)


def nothing_is_lost_of_nothing(evidence: Evidence) -> str | None:
    """A gradient of zeros has nothing to lose."""
    return next(filter(None, (_first_wrong(_blank(evidence), place) for place in (0, 1))), None)


def nothing_changes(evidence: Evidence) -> str | None:
    """The gradient is as it was."""
    for probe in evidence:
        if "gradient" in probe.outcome.altered:
            return f"On {_title(probe.known)}, lost changed the gradient that it was given."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    plain, scaled, brain = (f"{probe.seen[0]:.0%}" for probe in evidence[-3:])
    return (
        "Measured by your function, of the gradient at the logits of digits, whose loss counts for "
        f"a millionth: {plain} is lost in float16, {scaled} with a scale of 65536, and {brain} in "
        "bfloat16."
    )


check_lost = Check(
    task="Task 2",
    takes=("lost",),
    gather=gather,
    clauses=(
        Clause(
            name="zeros",
            test=zeros_are_counted,
            hint="Of the entries that are not 0 in float32: which share, from 0 to 1, is 0 "
            "afterwards? It is the first of the two. A tensor knows how to become another type.",
        ),
        Clause(
            name="infinities",
            test=infinities_are_counted,
            hint="Of the entries that are not 0 in float32: which share is infinite afterwards?",
        ),
        Clause(
            name="scale",
            test=the_scale_counts,
            hint="The scale comes first, in float32; then the change of type.",
        ),
        Clause(
            name="blank",
            test=nothing_is_lost_of_nothing,
            hint="Where no entry differs from 0 nothing can be lost. What is the mean of nothing?",
        ),
        Clause(
            name="changes",
            test=nothing_changes,
            hint="A measurement leaves the gradient as it found it: no *= and no /= on it.",
        ),
    ),
    verified=verified,
    hints=(
        "You need not know where a format ends. What does it make of the numbers?",
        "Print torch.tensor([1e-8, 4e-8, 65510.0, 70000.0]).to(torch.float16).",
        "rounded = (scale * gradient).to(dtype), and take there = gradient != 0. Then "
        "(rounded == 0)[there] and rounded.isinf()[there], their means; 0 and 0 where none is "
        "there.",
    ),
)


def _known(
    name: str,
    numbers: list[float] | list[list[float]],
    dtype: torch.dtype,
    scale: float,
    shares: tuple[float, float],
) -> Known:
    """A gradient of these numbers."""
    return Known(
        name=name, gradient=torch.tensor(numbers), dtype=dtype, scale=scale,
        expected=np.array(shares, dtype=np.float64),
    )  # fmt: skip


def _rounded(numbers: npt.NDArray[np.float32], dtype: torch.dtype) -> npt.NDArray[np.float32]:
    """By numpy and by bits, without torch, so that check and answer cannot share a mistake.

    bfloat16 is the upper half of a float32: nothing above 1e-38 becomes 0 in it.
    """
    if dtype == torch.float16:
        return numbers.astype(np.float16).astype(np.float32)
    upper: npt.NDArray[np.float32] = (numbers.view(np.uint32) & 0xFFFF0000).view(np.float32)
    return upper


def _probe(lost: Callable[..., object], known: Known) -> Probe:
    """One call of the answer."""
    arguments = {"gradient": known.gradient, "dtype": known.dtype, "scale": known.scale}
    outcome = call(lost, arguments, name="lost")
    source = f"On {_title(known)}, lost"
    seen = as_array(_plain_numbers(outcome.result), shape=(2,), source=source, finite=False)
    return Probe(known=known, seen=seen, outcome=outcome)


def _plain_numbers(value: object) -> object:
    """A pair of tensors as a pair of numbers; anything else as it is."""
    if isinstance(value, tuple | list):
        return [
            one.item() if isinstance(one, Tensor) and one.numel() == 1 else one for one in value
        ]
    return value


def _blank(evidence: Evidence) -> list[Probe]:
    """Those whose gradient is 0 everywhere."""
    return [probe for probe in evidence if not probe.known.gradient.any()]


def _plain(evidence: Evidence) -> list[Probe]:
    """Those that are not scaled, and not blank."""
    return [p for p in evidence if p.known.scale == 1 and p.known.gradient.any()]


def _first_wrong(probes: list[Probe], place: int) -> str | None:
    """A sentence on the first share that is not right."""
    for probe in probes:
        seen, right = probe.seen[place], probe.known.expected[place]
        if not abs(seen - right) <= TOLERANCE:
            told, known = told_apart(seen, right)
            what = ("becomes 0", "becomes infinite")[place]
            return f"On {_title(probe.known)}, the share that {what} is {told}; expected {known}."
    return None


def _title(known: Known) -> str:
    """A gradient with its format and scale, for messages."""
    if known.name.startswith("digits"):
        return known.name
    numbers = _written(known.gradient.tolist())
    scale = f", scale {known.scale:g}" if known.scale != 1 else ""
    return f"{known.name} {numbers} in {_name(known.dtype)}{scale}"


def _written(numbers: float | list[Any]) -> str:
    """Numbers, nested or not, as a person writes them."""
    if isinstance(numbers, list):
        return f"[{', '.join(map(_written, numbers))}]"
    return f"{numbers:.5g}"


def _name(dtype: torch.dtype) -> str:
    """A format's name."""
    return str(dtype).removeprefix("torch.")
