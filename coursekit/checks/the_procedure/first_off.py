"""Task 3: ``first_off(found)`` reads the measurements of a run, and says what to mend first."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of

LINES = ("rows", "first loss", "loss", "loop", "gradients", "step", "rate", "one batch")

# A sound run: the lesson's network, mended.
SOUND: Mapping[str, Any] = {
    "largest": 1.0, "guess": 0.69, "first": 0.68, "cost": 0.0, "old": False, "still": [],
    "weakest": 0.31, "step": 0.0098, "left": 1.0, "heart": 0.002,
}  # fmt: skip

Kind = Literal["one", "order", "healthy", "edge", "limit"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """Measurements of a run, and the line to mend first.

    Attributes:
        kind: One line is off; several are; none is; what is off is no ordinary number, or lies
            exactly on its limit.
        differs: What it measured other than the sound run.
        expected: The first line that is off, or None.
    """

    kind: Kind
    differs: Mapping[str, Any]
    expected: str | None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was said of one run."""

    known: Known
    answer: object


def runs() -> list[Known]:
    """Runs of the course: one fault, several, none, numbers that are none, and limits."""
    one: list[tuple[dict[str, Any], str]] = [
        ({"largest": 1680.0}, "rows"),
        ({"largest": 35.0}, "rows"),
        ({"guess": 2.3, "first": 2.3e6}, "first loss"),
        ({"guess": 2.3, "first": 2.31, "cost": 1.46}, "loss"),
        ({"old": True}, "loop"),
        ({"still": ["0.weight"]}, "loop"),
        ({"weakest": 8e-4}, "gradients"),
        ({"weakest": 0.03}, "gradients"),
        ({"step": 2e-5}, "step"),
        ({"step": 0.4}, "step"),
        ({"left": 0.05}, "rate"),
        ({"heart": 0.64}, "one batch"),
        ({"heart": 0.25}, "one batch"),
    ]
    several: list[tuple[dict[str, Any], str]] = [
        ({"largest": 4254.0, "old": True, "weakest": 3e-3, "heart": 0.66}, "rows"),
        ({"largest": 700.0, "first": 310.0, "step": 1.2, "heart": 0.7}, "rows"),
        ({"first": 310.0, "step": 1.2, "heart": 0.7}, "first loss"),
        ({"guess": 2.3, "first": 14.0, "cost": 1.46, "heart": 1.5}, "first loss"),
        ({"cost": 0.31, "still": ["0.weight"], "heart": 0.6}, "loss"),
        ({"old": True, "weakest": 8e-4, "heart": 0.65}, "loop"),
        ({"weakest": 8e-4, "step": 1.2, "heart": 0.7}, "gradients"),
        ({"step": 2e-6, "left": 1e-9, "heart": 0.69}, "step"),
        ({"step": 2e-6, "heart": 0.69}, "step"),
        ({"left": 1e-9, "heart": 0.6}, "rate"),
    ]
    sound: list[dict[str, Any]] = [
        {},
        {"guess": 2.3, "first": 2.42, "step": 0.002, "heart": 0.05},
        {"guess": 2.3, "first": 2.3, "cost": 0.15, "heart": 0.5},
        {"largest": 16.0, "guess": 2.3, "first": 3.9, "weakest": 0.04, "left": 0.5},
        {"guess": 1.0, "first": 1.1, "cost": 1e-5, "step": 3e-4, "heart": 0.11},
    ]
    edges: list[tuple[dict[str, Any], str]] = [
        ({"largest": math.nan, "first": math.nan, "heart": math.nan}, "rows"),
        ({"first": math.inf}, "first loss"),
        ({"cost": -50.0}, "loss"),
        ({"cost": -0.5}, "loss"),
        ({"largest": math.nan}, "rows"),
        ({"first": math.nan}, "first loss"),
        ({"cost": math.nan}, "loss"),
        ({"weakest": math.nan}, "gradients"),
        ({"step": math.nan}, "step"),
        ({"left": math.nan}, "rate"),
        ({"heart": math.nan}, "one batch"),
    ]
    limits: list[tuple[dict[str, Any], str]] = [  # with a guess of 1 no product is rounded
        ({"largest": 20.0}, "rows"),
        ({"guess": 1.0, "first": 3.0}, "first loss"),
        ({"guess": 1.0, "cost": 0.1}, "loss"),
        ({"left": 0.1}, "rate"),
        ({"guess": 1.0, "heart": 0.3}, "one batch"),
    ]
    return [
        *(Known(kind="healthy", differs=differs, expected=None) for differs in sound),
        *(Known(kind="one", differs=differs, expected=line) for differs, line in one),
        *(Known(kind="order", differs=differs, expected=line) for differs, line in several),
        *(Known(kind="edge", differs=differs, expected=line) for differs, line in edges),
        *(Known(kind="limit", differs=differs, expected=line) for differs, line in limits),
    ]


def gather(first_off: Callable[..., Any]) -> tuple[Said, ...]:
    """Ask it of each run."""
    said = []
    for known in runs():
        found = {**SOUND, **known.differs}
        answer = call(first_off, {"found": found}, name="first_off").result
        if answer is not None and answer not in LINES:
            raise CheckFailed(
                f"first_off returned {kind_of(answer)}; expected None, or one of "
                f"{', '.join(LINES)}."
            )
        said.append(Said(known=known, answer=answer))
    return tuple(said)


def _wrong(kind: Kind, evidence: tuple[Said, ...]) -> str | None:
    """A sentence on the first run of that kind that was read wrongly."""
    for said in evidence:
        if said.known.kind == kind and said.answer != said.known.expected:
            seen = ", ".join(f"{name} {value}" for name, value in said.known.differs.items())
            other = f", but for {seen}" if seen else ""
            return (
                f"All as in a sound run{other}: first_off gives {said.answer!r}; "
                f"expected {said.known.expected!r}."
            )
    return None


check_first_off = Check(
    task="Task 3",
    takes=("first_off",),
    gather=gather,
    clauses=(
        Clause(
            name="healthy",
            test=lambda evidence: _wrong("healthy", evidence),
            hint="The limits stand in the text of the task. Nothing is off: None.",
        ),
        Clause(
            name="one line",
            test=lambda evidence: _wrong("one", evidence),
            hint="loop and step ask two things each; three limits are counted in guesses.",
        ),
        Clause(
            name="the first",
            test=lambda evidence: _wrong("order", evidence),
            hint="Several lines are off: the uppermost of the table is mended first.",
        ),
        Clause(
            name="no number",
            test=lambda evidence: _wrong("edge", evidence),
            hint="Any comparison with NaN is False. So ask whether a line is well, and not whether "
            "it is off; and a cost far below zero is not next to nothing.",
        ),
        Clause(
            name="limits",
            test=lambda evidence: _wrong("limit", evidence),
            hint="The table says below and above: a number that is equal to the limit is neither.",
        ),
    ),
    verified=lambda evidence: f"{len(evidence)} runs are read rightly, sound ones among them.",
    hints=(
        "Go down the table. Which line's condition fails first?",
        "Try first_off(sound), then first_off({**sound, 'step': 0.4}), then a value float('nan').",
        "if not found['largest'] < 20: return 'rows'; if not found['first'] < 3 * found['guess']: "
        "return 'first loss'; … and None at the end.",
    ),
)
