"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from dataclasses import replace
from functools import partial

from coursekit.checks.check import Check, Clause
from coursekit.checks.diagnosing import Diagnosis, Evidence
from coursekit.checks.experiment import labelled_rows
from coursekit.checks.exploding_gradients.runs import CAUSES, HEALTHY, Run, run

LIMITS = {"epochs": (1, 20), "hidden": (1, 256), "decay": (0, 1)}  # seconds, not minutes

DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="F",
    enough=HEALTHY,
    stuck=0.6,  # the script as it is given reaches .1
    seeds=(112, 113),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "digits", divide_by=16),  # as the script scales the images
)

STEPS = {"lr", "clip"}  # the keywords that set how long the first steps are


def size_is_right(evidence: Evidence[Run]) -> str | None:
    """A change of the right keyword heals; where it does not, which way to go on."""
    seen = DIAGNOSIS.change_heals(evidence)
    if seen is None or not STEPS & evidence.changes.keys():
        return None
    if any(CAUSES["D"].holds(run) for run in evidence.changed):
        return f"{seen} The right keyword; its steps are still too long: they kill units."
    return f"{seen} The right keyword; its steps are now too short for six epochs."


def another_keyword_heals(evidence: Evidence[Run]) -> str | None:
    """A change of any other keyword heals."""
    return None if STEPS & evidence.changes.keys() else DIAGNOSIS.change_heals(evidence)


GIVEN, LETTER, ONE_CHANGE, HEALS = DIAGNOSIS.clauses(
    letter="Each letter can be measured. Do not take the colleague's word for it.",
    heals="Which keyword acts on the cause that you named, and at the time when it acts?",
)

check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=DIAGNOSIS.gather,
    clauses=(
        GIVEN,
        LETTER,
        ONE_CHANGE,
        Clause(
            name="size",
            test=size_is_right,
            hint="A step is rate × gradient long; with clip, at most rate × limit: here 5 × clip.",
        ),
        replace(HEALS, test=another_keyword_heals),
        DIAGNOSIS.without(
            CAUSES["D"],
            hint="What is left alive may be enough for these images. Go further the same way, and "
            "measure the units again.",
        ),
    ),
    verified=partial(DIAGNOSIS.verified, also=", and most hidden units stay alive", digits=1),
    hints=(
        "Each letter claims something that can be measured: some before the first step, some at "
        "the end. Measure all of them on experiment(0).",
        "Put weights[0], weights[1] and weights[-1] into a model, and count the hidden units that "
        "give 0 for all training rows.",
        "Nearly all units die in the first epoch, and no later rate wakes them. The first steps "
        "must be shorter: lr sets their length, and with clip it is at most lr × clip. How small?",
    ),
)
