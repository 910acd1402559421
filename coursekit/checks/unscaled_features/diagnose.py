"""Task 3: ``diagnose()`` names what is the matter with ``experiment``, and the change that heals.

Judged by running: the untouched script, and the script with that change, on seeds that the
learner has not seen.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.unscaled_features.runs import CAUSES, HEALTHY, UNEVEN, Run, read, unevenness
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of
from coursekit.datasets import load_dataset
from coursekit.errors import unknown

SEEDS = (105, 106)
STUCK = 0.75  # accuracy; the script as it is given stays at the larger class, .63
NO_EPOCH = {"epochs": 0}
LIMITS = {"epochs": (0, 100), "hidden": (1, 1024), "batch_size": (8, 1024)}  # seconds, not minutes


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What the learner said, and what running showed.

    Attributes:
        letter: The cause that was named.
        changes: Keyword and value, where the value is not the script's own.
        untouched: A run for each seed of the script as it stands.
        changed: A run for each seed with the changes.
    """

    letter: str
    changes: Mapping[str, Any]
    untouched: tuple[Run, ...]
    changed: tuple[Run, ...]


def gather(diagnose: object, experiment: Callable[..., Any]) -> Evidence:
    """Read the answer, then run the script with and without its change."""
    letter, change = _answer(call(diagnose, {}, name="diagnose").result)
    changes = _changes(experiment, change)
    untouched = tuple(_run(experiment, seed, {}) for seed in SEEDS)
    changed = tuple(_run(experiment, seed, changes) for seed in SEEDS) if changes else untouched
    return Evidence(letter=letter, changes=changes, untouched=untouched, changed=changed)


def script_is_as_given(evidence: Evidence) -> str | None:
    """Without a change, the script behaves as it did when the learner got it."""
    edited = "Without a change, the script does not behave as it was given: "
    labels = _labelled_table()
    for seed, run in zip(SEEDS, evidence.untouched, strict=True):
        rows = zip(run.train, run.train_labels, strict=True)
        if any(labels.get(row.tobytes()) != label for row, label in rows):
            return f"{edited}other rows reach the network on seed {seed}."
        if run.accuracy > STUCK:
            return f"{edited}it reaches an accuracy of {run.accuracy:.2f} on seed {seed}."
    return None


def letter_is_measured(evidence: Evidence) -> str | None:
    """What the letter says is true of the untouched script."""
    cause = CAUSES[evidence.letter]
    for seed, run in zip(SEEDS, evidence.untouched, strict=True):
        if not cause.holds(run):
            return (
                f"You answered {evidence.letter}. Measured on seed {seed}: {cause.measured(run)}. "
                f"So it is not {evidence.letter}."
            )
    return None


def one_change(evidence: Evidence) -> str | None:
    """One keyword differs; none where the script is healthy."""
    healthy = all(CAUSES["E"].holds(run) for run in evidence.untouched)
    expected = 0 if healthy else 1
    if len(evidence.changes) == expected:
        return None
    names = ", ".join(evidence.changes) or "nothing"
    return f"Your change alters {names}: {len(evidence.changes)} keywords; expected {expected}."


def change_heals(evidence: Evidence) -> str | None:
    """With the change, held-out rows are named rightly."""
    for seed, run in zip(SEEDS, evidence.changed, strict=True):
        if run.accuracy < HEALTHY:
            return (
                f"With {_call_text(evidence.changes)}, the accuracy on held-out rows is "
                f"{run.accuracy:.2f} on seed {seed}; expected at least {HEALTHY}."
            )
    return None


def change_removes_the_cause(evidence: Evidence) -> str | None:
    """With the change, columns of like spread reach the first Linear layer."""
    for seed, run in zip(SEEDS, evidence.changed, strict=True):
        if unevenness(run) > UNEVEN:
            return (
                f"With {_call_text(evidence.changes)}, the accuracy on seed {seed} is "
                f"{run.accuracy:.2f}, but {CAUSES['C'].measured(run)}. The cause is still there."
            )
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    before = " and ".join(f"{run.accuracy:.2f}" for run in evidence.untouched)
    after = " and ".join(f"{run.accuracy:.2f}" for run in evidence.changed)
    return (
        f"On two seeds that you have not seen, the accuracy on held-out rows is {before} without "
        f"and {after} with your change, and columns of like spread reach the first Linear layer."
    )


check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=gather,
    clauses=(
        Clause(
            name="given",
            test=script_is_as_given,
            hint="Undo your edits of its cell. The repair is a keyword argument.",
        ),
        Clause(
            name="letter",
            test=letter_is_measured,
            hint="Do not read what the script says that it does. Measure what it does.",
        ),
        Clause(
            name="one change",
            test=one_change,
            hint="One keyword for one cause. With two you cannot know which one it was.",
        ),
        Clause(
            name="heals",
            test=change_heals,
            hint="Which keyword acts on the cause that you named?",
        ),
        Clause(
            name="cause",
            test=change_removes_the_cause,
            hint="A better accuracy can hide a cause. Measure at the first Linear layer again.",
        ),
    ),
    verified=verified,
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "experiment(0)['train'].tensors[0] is what enters the network. Print its "
        ".std(dim=0), and compare it with what the code seems to promise.",
        "The rows are cut out of x before x is standardised, so the network gets raw rows. The "
        "lesson's table of wrong fixes names a layer that does the same repair inside the model.",
    ),
)


def _answer(value: object) -> tuple[str, Mapping[str, Any]]:
    """The letter and the change, or one sentence about what came instead."""
    expected = 'a letter and a dictionary, such as ("A", {"lr": 0.01})'
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise CheckFailed(f"diagnose returned {kind_of(value)}; expected {expected}.")
    letter, change = value
    if not isinstance(letter, str) or letter.strip().upper() not in CAUSES:
        raise CheckFailed(
            f"diagnose returned {kind_of(letter)} as the letter; expected one of "
            f"{', '.join(CAUSES)}."
        )
    if not isinstance(change, Mapping):
        raise CheckFailed(
            f"diagnose returned {kind_of(change)} as the change; expected a dictionary of one "
            "keyword and its value, or {} where nothing needs a change."
        )
    return letter.strip().upper(), change


def _changes(experiment: Callable[..., Any], change: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a change that differs from the script's own values."""
    parameters = inspect.signature(experiment).parameters.values()
    own = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    for name, value in change.items():
        if name not in own:
            raise CheckFailed(str(unknown("keyword of experiment", name, own)))
        if value is not None and not isinstance(value, str | int | float):
            raise CheckFailed(f"{name} got {kind_of(value)}; expected a number, a text or None.")
        low, high = LIMITS.get(name, (-math.inf, math.inf))
        if isinstance(value, int | float) and not low <= value <= high:
            raise CheckFailed(f"{name}={value} was not run: the check runs {low} to {high}.")
    return {name: value for name, value in change.items() if value != own[name]}


def _run(experiment: Callable[..., Any], seed: int, changes: Mapping[str, Any]) -> Run:
    """One run of the script, and its start."""
    return read(_outcome(experiment, seed, changes), lambda: _outcome(experiment, seed, NO_EPOCH))


def _outcome(experiment: Callable[..., Any], seed: int, changes: Mapping[str, Any]) -> object:
    """What the script returns."""
    return call(partial(experiment, **changes), {"seed": seed}, name=_call_text(changes)).result


def _labelled_table() -> dict[bytes, int]:
    """The label of each row of the raw table, by the bytes of the row."""
    data = load_dataset("breast_cancer")
    rows = data.x.astype(np.float32)
    return {row.tobytes(): label for row, label in zip(rows, data.y, strict=True)}


def _call_text(changes: Mapping[str, Any]) -> str:
    """How the changed script would be called."""
    settings = ", ".join(f"{name}={value!r}" for name, value in changes.items())
    return f"experiment(seed, {settings})" if settings else "experiment(seed)"
