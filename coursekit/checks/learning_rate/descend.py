"""Task 1: ``descend(slope, start, lr, steps)`` goes down a slope, one step at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-6  # of the largest position; float64 keeps 1e-15, float32 1e-7
CURVATURE = 2.0  # of the loss w², whose slope is 2 w
FACTORS = (0.5, 0.0, -0.5, -1.0, -1.5)  # creeps, arrives, swings and arrives, swings, diverges


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """One call, and the path that the learning rate gives.

    Attributes:
        loss: The loss whose slope was handed over, in words.
        lr: The learning rate.
        expected: The positions, the start first, shape (steps + 1,) or (steps + 1, weights).
        seen: What came back, of the same shape.
    """

    loss: str
    lr: float
    expected: Array
    seen: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Walks on a parabola at five rates, on another curve, and over two weights."""

    parabola: tuple[Walk, ...]
    other: tuple[Walk, ...]
    two: tuple[Walk, ...]


def gather(descend: object) -> Evidence:
    """Walk where every position is known by hand."""
    return Evidence(
        parabola=tuple(_on_parabola(descend, factor) for factor in FACTORS),
        other=(_on_fourth_power(descend),),
        two=(_over_two_weights(descend),),
    )


def steps_follow_the_slope(evidence: Evidence) -> str | None:
    """On w², each step multiplies the position by 1 - 2 lr."""
    return _first_wrong(evidence.parabola)


def slope_is_asked_for(evidence: Evidence) -> str | None:
    """On another curve, the slope of each position counts."""
    return _first_wrong(evidence.other)


def weights_move_together(evidence: Evidence) -> str | None:
    """Two weights move each by its own slope, and earlier positions stay."""
    return _first_wrong(evidence.two)


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    last = evidence.parabola[-1]
    return (
        "Your steps are right at five rates on a parabola, on another curve and over two weights. "
        f"On the parabola w², a learning rate of {last.lr:g} took w from {last.expected[0]:g} to "
        f"{last.seen[-1]:.3g} in {len(last.seen) - 1} steps: it diverges above 1."
    )


check_descend = Check(
    task="Task 1",
    takes=("descend",),
    gather=gather,
    clauses=(
        Clause(
            name="parabola",
            test=steps_follow_the_slope,
            hint="A step goes against the slope where w stands now: the learning rate times it. "
            "It may well pass the minimum.",
        ),
        Clause(
            name="slope",
            test=slope_is_asked_for,
            hint="Ask slope(w) anew in each step: not every loss is a parabola.",
        ),
        Clause(
            name="two weights",
            test=weights_move_together,
            hint="The path must keep each position as it was. Does your line make a new w, or "
            "change the old one in place?",
        ),
    ),
    verified=verified,
    hints=(
        "At w = 1 on the loss w² the slope is 2. Where does a step at learning rate 0.25 go?",
        "Print path for slope(w) = 2 * w, start 1 and learning rates 0.25, 0.75 and 1.25. The "
        "lesson's section 'The cause' says by which factor each step must multiply w.",
        "Append w, less the learning rate times slope(w), to the path.",
    ),
)


def _on_parabola(descend: object, factor: float) -> Walk:
    """Six steps on w², each of which multiplies w by `factor`."""
    lr = (1 - factor) / CURVATURE
    expected = 3.0 * factor ** np.arange(7.0)
    return _walk(descend, "w²", lambda w: CURVATURE * w, 3.0, lr, expected)


def _on_fourth_power(descend: object) -> Walk:
    """Three steps on w⁴ from 1 at rate 1/8: to 1 - 1/2, then less 1/2 · 1/8, and so on."""
    path = [1.0, 0.5, 0.4375]
    path.append(path[-1] - path[-1] ** 3 / 2)
    return _walk(descend, "w⁴", lambda w: 4 * w**3, 1.0, 1 / 8, np.array(path))


def _over_two_weights(descend: object) -> Walk:
    """Four steps on (w₁² + 3 w₂²) / 2, whose curvatures are 1 and 3, at rate 1/2."""
    start, factors = np.array([4.0, 8.0]), np.array([0.5, -0.5])
    expected = start * factors ** np.arange(5.0)[:, None]
    slope: Callable[[Any], Any] = lambda w: np.array([1.0, 3.0]) * w  # noqa: E731
    return _walk(descend, "(w₁² + 3 w₂²) / 2", slope, start, 0.5, expected)


def _walk(
    descend: object,
    loss: str,
    slope: Callable[[Any], Any],
    start: float | Array,
    lr: float,
    expected: Array,
) -> Walk:
    """One call of the answer."""
    steps = len(expected) - 1
    arguments = {"slope": slope, "start": start, "lr": lr, "steps": steps}
    found = call(descend, arguments, name="descend").result
    seen = as_array(found, shape=expected.shape, source=f"On {loss}, descend")
    return Walk(loss=loss, lr=lr, expected=expected, seen=seen)


def _first_wrong(walks: tuple[Walk, ...]) -> str | None:
    """The first position that is not where the step leads."""
    for walk in walks:
        apart = np.abs(walk.seen - walk.expected) > TOLERANCE * np.abs(walk.expected).max()
        rows = apart.reshape(len(apart), -1).any(axis=1)
        if rows.any():
            step = int(rows.argmax())
            return (
                f"On the loss {walk.loss} with learning rate {walk.lr:g}, w is "
                f"{_words(walk.seen[step])} after {step} step{'s'[: step != 1]} "
                f"from {_words(walk.expected[0])}; "
                f"expected {_words(walk.expected[step])}."
            )
    return None


def _words(position: Array) -> str:
    """One number, or two in brackets."""
    numbers = [f"{number:.4g}" for number in np.atleast_1d(position)]
    return numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"
