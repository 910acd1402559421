"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks.broken_loop.runs import CAUSES, HEALTHY, Run, run
from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.experiment import labelled_rows

LIMITS = {
    "epochs": (1, 30), "batch_size": (1, 1078), "hidden": (1, 512), "frozen": (0, 1),
    "gather": (1, 10_000),
}  # fmt: skip  # seconds, not minutes

DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="F",
    enough=HEALTHY,
    stuck=0.75,  # the script as it is given reaches .2 to .4
    seeds=(105, 106),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "digits", divide_by=16),  # as the script scales the images
)

check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=DIAGNOSIS.gather,
    clauses=(
        *DIAGNOSIS.clauses(
            letter="Each letter can be measured. Do not take the colleague's word for it.",
            heals="Which keyword acts on the cause that you named?",
        ),
        DIAGNOSIS.without(
            CAUSES["C"],
            hint="A change that lifts the accuracy may hide the cause. Measure it again.",
        ),
    ),
    verified=partial(
        DIAGNOSIS.verified, also=", and every step goes along its own batch", digits=0
    ),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "Put weights[step] into a model, take the gradient of batches[step] alone, and compare its "
        "direction with weights[step] - weights[step + 1], for steps 0, 1 and 30.",
        "From the second step on, the directions differ. How often does the inner loop call "
        "optimizer.zero_grad(), and how often optimizer.step()?",
    ),
)
