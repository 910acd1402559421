"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from dataclasses import replace
from functools import partial

from coursekit.checks.check import Check, Clause
from coursekit.checks.diagnosing import Diagnosis, Evidence
from coursekit.checks.experiment import labelled_rows
from coursekit.checks.optimizers_and_schedules.runs import CAUSES, HEALTHY, Run, run

LIMITS = {
    "epochs": (1, 20), "batch_size": (8, 400), "hidden": (1, 256), "lr": (0, 10),
    "weight_decay": (0, 10), "weight_size": (0, 10),
}  # fmt: skip  # seconds, not minutes

DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="G",
    enough=HEALTHY,
    stuck=0.4,  # the script as it is given reaches .1
    seeds=(114, 115),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "digits", divide_by=16),  # as the script scales the images
)


def decay_is_small_enough(evidence: Evidence[Run]) -> str | None:
    """A change of weight_decay heals; where it does not, it is not yet small enough."""
    seen = DIAGNOSIS.change_heals(evidence)
    if seen is None or "weight_decay" not in evidence.changes:
        return None
    return f"{seen} The keyword acts on the cause; its value does not do yet."


def another_keyword_heals(evidence: Evidence[Run]) -> str | None:
    """A change of any other keyword heals."""
    return None if "weight_decay" in evidence.changes else DIAGNOSIS.change_heals(evidence)


GIVEN, LETTER, ONE_CHANGE, HEALS = DIAGNOSIS.clauses(
    letter="Each letter can be measured. Do not take the colleague's word for it.",
    heals="Which keywords act on the cause that you named? There are two.",
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
            test=decay_is_small_enough,
            hint="Compare weight_decay × size of the weights with the gradient's length, in the "
            "first layer before the first step. It should be well below 1 to 1.",
        ),
        replace(HEALS, test=another_keyword_heals),
    ),
    verified=partial(DIAGNOSIS.verified, digits=1),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them, "
        "and try the colleague's remedy too.",
        "run['weights'] holds all weights at the start and after each epoch. How long is that "
        "vector at the start, and at the end?",
        "The weights run to nothing, far faster than lr × weight_decay says. Where does this "
        "optimizer put the decay, and which one puts it elsewhere?",
    ),
)
