"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.experiment import labelled_rows
from coursekit.checks.precision_and_devices.runs import CAUSES, HEALTHY, Run, run

LIMITS = {
    "epochs": (1, 20), "hidden": (1, 256), "scale": (2.0**-20, 2.0**60),
    "loss_weight": (1e-12, 1.0), "lr": (0.0, 10.0),
}  # fmt: skip  # seconds, not minutes

DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="F",
    enough=HEALTHY,
    stuck=0.4,  # the script as it is given reaches .1 to .2
    seeds=(114, 115),
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
            heals="Which keyword acts on the cause that you named, and in which direction?",
        ),
        DIAGNOSIS.without(
            CAUSES["C"],
            hint="A change that lifts the accuracy may leave most of the cause. Measure it again.",
        ),
    ),
    verified=partial(DIAGNOSIS.verified, also=", and the first gradient arrives whole", digits=1),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "Put weights[0] into a model, take the gradient of batches[0] in float32, and compare it "
        "with gradients[0], entry by entry.",
        "Nearly all of gradients[0] is 0. The loss is scaled, but look at what it is multiplied by "
        "in all: loss_weight times scale.",
    ),
)
