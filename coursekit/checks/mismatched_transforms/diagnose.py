"""Task 3: ``diagnose()`` names what is the matter with ``experiment``, and the change that heals.

The script, its causes and their measurements are of the kind of exercise 01; the letters, the
script and the hints are this exercise's own.
"""

from collections.abc import Mapping

from coursekit.checks.check import Check, Clause
from coursekit.checks.unscaled_features.diagnose import (
    SEEDS,
    Evidence,
    change_heals,
    change_removes_the_cause,
    gather,
    one_change,
    script_is_as_given,
    verified,
)
from coursekit.checks.unscaled_features.runs import CAUSES as THEIRS
from coursekit.checks.unscaled_features.runs import Cause

CAUSES: Mapping[str, Cause] = {
    "A": THEIRS["D"],  # the rows in use are prepared in another way than the training rows
    "B": THEIRS["B"],  # the learning rate is too small
    "C": THEIRS["A"],  # the labels do not belong to their rows
    "D": THEIRS["C"],  # features on very different scales
    "E": THEIRS["E"],  # healthy
}


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
            hint="Is the training loss that of a sound run? Then measure what reaches the first "
            "Linear layer, in training and in use.",
        ),
        Clause(
            name="one change",
            test=one_change,
            hint="One keyword for one cause. With two you cannot know which one it was.",
        ),
        Clause(
            name="heals",
            test=change_heals,
            hint="Which keyword decides whether the scale that is fitted is the model's own?",
        ),
        Clause(
            name="cause",
            test=change_removes_the_cause,
            hint="A better accuracy can hide a cause. Measure at the first Linear layer again.",
        ),
    ),
    verified=verified,
    hints=(
        "A mismatch in use leaves training as it is. Look at losses first: does this run train?",
        "model[0] is the scale. Print model[0](inputs).std(dim=0) for the training rows and for "
        "the rows in use: it is what reaches the first Linear layer.",
        "The scale is fitted after the model was copied, so the copy that is trained keeps the "
        "mean 0 and the spread 1 that it was made with. One keyword decides whether there is a "
        "copy.",
    ),
)
