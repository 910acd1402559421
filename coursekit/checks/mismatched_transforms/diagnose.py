"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks import table_runs
from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.table_runs import HEALED, HEALTHY, UNEVEN_COLUMNS, TableRun

LIMITS = {"epochs": (0, 100), "hidden": (1, 1024), "batch_size": (8, 1024)}  # seconds, not minutes

CAUSES = {
    "A": table_runs.MISMATCH,
    "B": table_runs.SMALL_STEPS,
    "C": table_runs.STRANGE_LABELS,
    "D": table_runs.UNEVEN_COLUMNS,
    "E": table_runs.NOTHING,
}

DIAGNOSIS: Diagnosis[TableRun] = Diagnosis(
    causes=CAUSES,
    healthy="E",
    enough=HEALTHY,
    stuck=0.75,  # the script as it is given stays at the larger class, .63
    seeds=(105, 106),
    limits=LIMITS,
    run=table_runs.run,
    known=table_runs.known_rows,
)

check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=DIAGNOSIS.gather,
    clauses=(
        *DIAGNOSIS.clauses(
            letter="Is the training loss that of a sound run? Then measure what reaches the first "
            "Linear layer, in training and in use.",
            heals="Which keyword decides whether the scale that is fitted is the model's own?",
        ),
        DIAGNOSIS.without(
            UNEVEN_COLUMNS,
            hint="A better accuracy can hide a cause. Measure at the first Linear layer again.",
        ),
    ),
    verified=partial(DIAGNOSIS.verified, also=HEALED),
    hints=(
        "A mismatch in use leaves training as it is. Look at losses first: does this run train?",
        "model[0] is the scale. Print model[0](inputs).std(dim=0) for the training rows and for "
        "the rows in use: it is what reaches the first Linear layer.",
        "The scale is fitted after the model was copied, so the copy that is trained keeps the "
        "mean 0 and the spread 1 that it was made with. One keyword decides whether there is a "
        "copy.",
    ),
)
