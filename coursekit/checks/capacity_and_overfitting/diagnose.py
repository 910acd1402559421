"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks.capacity_and_overfitting.runs import CAUSES, HEALTHY, Run, run
from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.experiment import labelled_rows

LIMITS = {
    "epochs": (1, 30), "batch_size": (1, 400), "hidden": (1, 512), "dropout": (0, 0.99),
    "penalty": (0, 10), "lr": (0, 100),
}  # fmt: skip  # seconds, not minutes

DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="G",
    enough=HEALTHY,
    stuck=0.4,  # the script as it is given reaches .1
    seeds=(110, 111),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "digits", divide_by=16),  # as the script scales the images
    numbers_only=True,
)

check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=DIAGNOSIS.gather,
    clauses=DIAGNOSIS.clauses(
        letter="Each letter can be measured. Do not take the colleague's word for it.",
        heals="Which keyword acts on the cause that you named, and how far must it move?",
    ),
    verified=partial(
        DIAGNOSIS.verified,
        digits=1,
        also="; without it, each step takes lr × 2 × penalty = 2% of every weight",
    ),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them, "
        "and try the colleague's remedy too.",
        "run['weights'] holds all weights after each step. How large are they at the start, and at "
        "the end? How long is the first step?",
        "The weights shrink by the same share in every step, whatever the rows say. Which keyword "
        "pulls on all of them alike?",
    ),
)
