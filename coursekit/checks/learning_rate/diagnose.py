"""Task 3: ``diagnose()`` names what is the matter with ``experiment``, and the change that heals.

Judged by running: the untouched script, the script with that change, and where the letter blames a
setting, the script with other values of it; on seeds that the learner has not seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.learning_rate.answer import changes, letter_and_change
from coursekit.checks.learning_rate.runs import CAUSES, HEALTHY, Run, read, shift
from coursekit.checks.wording import two_digits
from coursekit.datasets import load_dataset

SEEDS = (105, 106)
STUCK = 0.75  # accuracy; the script as it is given stays near the largest class, .40
LIMITS = {"epochs": (1, 100), "hidden": (1, 512)}  # seconds, not minutes


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What the learner said, and what running showed.

    Attributes:
        letter: The cause that was named.
        changes: Keyword and value, where the value is not the script's own.
        untouched: A run for each seed of the script as it stands.
        changed: A run for each seed with the changes.
        others: Where the letter blames a setting: other values of it, and the run on the first
            seed with each.
    """

    letter: str
    changes: Mapping[str, Any]
    untouched: tuple[Run, ...]
    changed: tuple[Run, ...]
    others: tuple[tuple[Mapping[str, float], Run], ...]


def gather(diagnose: object, experiment: Callable[..., Any]) -> Evidence:
    """Read the answer, then run the script with and without its change."""
    answer = call(diagnose, {}, name="diagnose").result
    letter, change = letter_and_change(answer, CAUSES)
    differing = changes(experiment, change, limits=LIMITS)
    untouched = tuple(_run(experiment, seed, {}) for seed in SEEDS)
    changed = tuple(_run(experiment, seed, differing) for seed in SEEDS) if differing else untouched
    others = CAUSES[letter].others(untouched[0])
    return Evidence(
        letter=letter,
        changes=differing,
        untouched=untouched,
        changed=changed,
        others=tuple((other, _run(experiment, SEEDS[0], other)) for other in others),
    )


def script_is_as_given(evidence: Evidence) -> str | None:
    """Without a change, the script behaves as it did when the learner got it."""
    edited = "Without a change, the script does not behave as it was given: "
    labels = _labelled_table()
    for seed, run in zip(SEEDS, evidence.untouched, strict=True):
        rows = zip(run.inputs, run.labels, strict=True)
        if any(labels.get(row.tobytes()) != label for row, label in rows):
            return f"{edited}other rows reach the network on seed {seed}."
        if run.accuracy > STUCK:
            return f"{edited}it reaches an accuracy of {run.accuracy:.2f} on seed {seed}."
    return None


def letter_is_measured(evidence: Evidence) -> str | None:
    """What the letter says is true of the untouched script."""
    said = f"You answered {evidence.letter}. "
    if evidence.others:
        best = max(run.accuracy for _, run in evidence.others)
        if best >= HEALTHY:
            return None
        tried = ", ".join(_setting(other) for other, _ in evidence.others)
        return (
            f"{said}Then another value would heal it. Tried on seed {SEEDS[0]}: {tried}; the best "
            f"accuracy is {best:.2f}, while the training loss of the untouched run ends at "
            f"{evidence.untouched[0].last_loss:.1g}. So it is not {evidence.letter}."
        )
    cause = CAUSES[evidence.letter]
    for seed, run in zip(SEEDS, evidence.untouched, strict=True):
        if not cause.holds(run):
            return (
                f"{said}Measured on seed {seed}: {cause.measured(run)}. "
                f"So it is not {evidence.letter}."
            )
    return None


def one_change(evidence: Evidence) -> str | None:
    """One keyword differs; none where the script is healthy."""
    healthy = all(CAUSES["F"].holds(run) for run in evidence.untouched)
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


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    before = " and ".join(f"{run.accuracy:.2f}" for run in evidence.untouched)
    after = " and ".join(f"{run.accuracy:.2f}" for run in evidence.changed)
    gap = two_digits(max(shift(run) for run in evidence.changed))
    return (
        f"On two seeds that you have not seen, the accuracy on held-out rows is {before} without "
        f"and {after} with your change, and at the first Linear layer their means are at most "
        f"{gap} standard deviations from those in training."
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
            hint="Ask the checklist's questions in their order: which part of the run is healthy?",
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
        "Does experiment(0)['losses'] look like a run whose rate is wrong? Try a tenth of the "
        "rate, and see whether the accuracy on held-out rows follows.",
        "Put the *training* rows through the model after model.eval(): is it as good on them as "
        "its losses say? Then compare what leaves model[0] in training and in use.",
        "BatchNorm standardises by the batch in training, and by running averages in use. Here "
        "these hardly move from where they began: look at model[0].running_mean, and at the "
        "keyword that says how much each batch counts.",
    ),
)


def _run(experiment: Callable[..., Any], seed: int, settings: Mapping[str, Any]) -> Run:
    """One run of the script."""
    bound = partial(experiment, **settings)
    return read(call(bound, {"seed": seed}, name=_call_text(settings)).result)


def _labelled_table() -> dict[bytes, int]:
    """The label of each row of the raw table, by the bytes of the row."""
    data = load_dataset("wine")
    rows = data.x.astype(np.float32)
    return {row.tobytes(): label for row, label in zip(rows, data.y, strict=True)}


def _call_text(settings: Mapping[str, Any]) -> str:
    """How the changed script would be called."""
    return f"experiment(seed, {_setting(settings)})" if settings else "experiment(seed)"


def _setting(settings: Mapping[str, Any]) -> str:
    """Keywords and values, as they stand in a call."""
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value!r}"
        for name, value in settings.items()
    )
