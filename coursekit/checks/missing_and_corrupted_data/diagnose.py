"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.experiment import labelled_rows
from coursekit.checks.missing_and_corrupted_data.runs import CAUSES, HEALTHY, Run, run

LIMITS = {"epochs": (1, 60), "hidden": (1, 512)}  # seconds, not minutes


def _without_the_mark(found: Run) -> str | None:
    """The file is no longer the one that was handed out."""
    if CAUSES["D"].holds(found):
        return None
    return CAUSES["D"].measured(found)


DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="F",
    enough=HEALTHY,
    stuck=0.75,
    seeds=(108, 109),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "wine"),
    strange=_without_the_mark,
)

check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=DIAGNOSIS.gather,
    clauses=(
        *DIAGNOSIS.clauses(
            letter="Each letter can be measured. Do not take the colleague's word for it.",
            heals="Which keyword acts on the cause that you named, and which value does the table "
            "itself tell you?",
        ),
        DIAGNOSIS.without(
            CAUSES["D"],
            hint="A scaling that steps over wrong values leaves them in the table. What are they?",
        ),
    ),
    verified=partial(
        DIAGNOSIS.verified, also=", and what nobody measured is filled by its column", digits=1
    ),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "With table = experiment(0)['table']: for column in table.T: print(np.quantile(column, "
        "[0, 0.25, 0.5, 0.75, 1]).round(1).tolist()). Which numbers of a line do not go together?",
        "One number is far too large for most columns, and stands in all of them. np.unique(table, "
        "return_counts=True) shows how often. Which keyword says what an empty cell looks like?",
    ),
)
