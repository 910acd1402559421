"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks import table_runs
from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.table_runs import HEALED, HEALTHY, UNEVEN_COLUMNS, TableRun

LIMITS = {"epochs": (0, 100), "hidden": (1, 1024), "batch_size": (8, 1024)}  # seconds, not minutes

CAUSES = {
    "A": table_runs.STRANGE_LABELS,
    "B": table_runs.SMALL_STEPS,
    "C": table_runs.UNEVEN_COLUMNS,
    "D": table_runs.MISMATCH,
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
            letter="Do not read what the script says that it does. Measure what it does.",
            heals="Which keyword acts on the cause that you named?",
        ),
        DIAGNOSIS.without(
            UNEVEN_COLUMNS,
            hint="A better accuracy can hide a cause. Measure at the first Linear layer again.",
        ),
    ),
    verified=partial(DIAGNOSIS.verified, also=HEALED),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "experiment(0)['train'].tensors[0] is what enters the network. Print its "
        ".std(dim=0), and compare it with what the code seems to promise.",
        "The rows are cut out of x before x is standardised, so the network gets raw rows. The "
        "lesson's table of wrong fixes names a layer that does the same repair inside the model.",
    ),
)
