"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from dataclasses import replace
from functools import partial

from coursekit.checks.check import Check, Clause
from coursekit.checks.diagnosing import Diagnosis, Evidence
from coursekit.checks.experiment import labelled_rows
from coursekit.checks.normalisation_layers.runs import CAUSES, HEALTHY, Run, run

LIMITS = {
    "epochs": (1, 12), "batch_size": (16, 400), "hidden": (1, 256), "layers": (2, 6),
    "momentum": (0, 1), "lr": (0, 100), "decay": (0, 100),
}  # fmt: skip  # seconds, not minutes

DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="G",
    enough=HEALTHY,
    stuck=0.6,  # the script as it is given reaches .1
    seeds=(110, 111),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "digits", divide_by=16),  # as the script scales the images
    numbers_only=True,
)


def size_is_right(evidence: Evidence[Run]) -> str | None:
    """A change of the averages' own keyword heals; where it does not, what is still to be seen."""
    seen = DIAGNOSIS.change_heals(evidence)
    if seen is None or "momentum" not in evidence.changes:
        return None
    return f"{seen} The right keyword, and {CAUSES['D'].measured(evidence.changed[0])}."


def another_keyword_heals(evidence: Evidence[Run]) -> str | None:
    """A change of any other keyword heals."""
    return None if "momentum" in evidence.changes else DIAGNOSIS.change_heals(evidence)


GIVEN, LETTER, ONE_CHANGE, HEALS = DIAGNOSIS.clauses(
    letter="Each letter can be measured. Do not take the colleague's word for it.",
    heals="Which keyword acts on the cause that you named? The weights are not to blame.",
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
            hint="After n steps at momentum m, what an average started from still weighs (1 − m) "
            "to the power of n; here n is len(losses).",
        ),
        replace(HEALS, test=another_keyword_heals),
    ),
    verified=partial(
        DIAGNOSIS.verified,
        digits=1,
        also="; the weights are as good without it, and are judged by other means and spreads",
    ),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them "
        "(for C, copy made_by_partners from the lesson's set-up), and try the colleague's remedy "
        "too.",
        "The accuracy on the training rows, once in training mode and once in evaluation mode, of "
        "a copy of run['model'] each time.",
        "In training mode the network is good, on the same rows and with the same weights. What "
        "differs is what BatchNorm subtracts and divides by. Which keyword says how fast its "
        "averages come?",
    ),
)
