"""Task 3: ``diagnose()`` names what is the matter with ``experiment``, and the change that heals.

Judged by running: the untouched script, and the script with that change, on seeds that the
learner has not seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.vanishing_gradients.runs import CAUSES, HEALTHY, STILL, Run, last_move, read
from coursekit.checks.vanishing_gradients.said import call_text, letter_and_change, real_changes
from coursekit.datasets import load_dataset

SEEDS = (105, 106)
STUCK = 0.7  # accuracy; the script as it is given reaches .3 to .5
LIMITS = {"epochs": (0, 30), "depth": (1, 12)}


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
    said = call(diagnose, {}, name="diagnose").result
    letter, change = letter_and_change(said, list(CAUSES))
    changes = real_changes(experiment, change, limits=LIMITS)
    untouched = tuple(_run(experiment, seed, {}) for seed in SEEDS)
    changed = tuple(_run(experiment, seed, changes) for seed in SEEDS) if changes else untouched
    return Evidence(letter=letter, changes=changes, untouched=untouched, changed=changed)


def script_is_as_given(evidence: Evidence) -> str | None:
    """Without a change, the script behaves as it did when the learner got it."""
    edited = "Without a change, the script does not behave as it was given: "
    labels = _labelled_table()
    for seed, run in zip(SEEDS, evidence.untouched, strict=True):
        rows = zip(run.rows.astype(np.float32), run.labels, strict=True)
        if any(labels.get(row.tobytes()) != label for row, label in rows):
            return f"{edited}other rows reach the network on seed {seed}."
        if run.accuracy > STUCK:
            return f"{edited}it reaches an accuracy of {run.accuracy:.2f} on seed {seed}."
        if last_move(run) >= STILL:
            return f"{edited}its weights travel in another way on seed {seed}."
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
    """One keyword differs."""
    if len(evidence.changes) == 1:
        return None
    names = ", ".join(evidence.changes) or "nothing"
    return f"Your change alters {names}: {len(evidence.changes)} keywords; expected 1."


def change_heals(evidence: Evidence) -> str | None:
    """With the change, held-out rows are named rightly."""
    for seed, run in zip(SEEDS, evidence.changed, strict=True):
        if not run.accuracy >= HEALTHY:
            return (
                f"With {call_text(evidence.changes)}, the accuracy on held-out rows is "
                f"{run.accuracy:.2f} on seed {seed}; expected at least {HEALTHY}."
            )
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    before = " and ".join(f"{run.accuracy:.1f}" for run in evidence.untouched)
    after = " and ".join(f"{run.accuracy:.1f}" for run in evidence.changed)
    return (
        f"On two seeds that you have not seen, the accuracy on held-out rows is about {before} "
        f"without and {after} with your change."
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
            hint="Each letter can be measured. Do not take the colleague's word for it.",
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
    ),
    verified=verified,
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "How far do the weights move in each epoch? Compare neighbours in "
        "experiment(0)['weights'].",
        "After the first epoch nothing moves. Which line of the inner loop takes the learning rate "
        "away, and which keyword says how fast?",
    ),
)


def _run(experiment: Callable[..., Any], seed: int, changes: Mapping[str, Any]) -> Run:
    """One run of the script."""
    name = call_text(changes)
    return read(call(partial(experiment, **changes), {"seed": seed}, name=name).result)


def _labelled_table() -> dict[bytes, int]:
    """The label of each image as the script scales it, by the bytes of its row."""
    data = load_dataset("digits")
    rows = (data.x / 16).astype(np.float32)
    return {row.tobytes(): label for row, label in zip(rows, data.y, strict=True)}
