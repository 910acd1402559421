"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks.check import Check
from coursekit.checks.deep_runs import CAUSES, HEALTHY, STILL, Run, last_move, run
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.experiment import labelled_rows

LIMITS = {"epochs": (0, 30), "depth": (1, 12)}  # seconds, not minutes


def travels_otherwise(run: Run) -> str | None:
    """A repair that is hidden behind a made-up accuracy still moves the weights."""
    return "its weights travel in another way" if last_move(run) >= STILL else None


DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="F",
    enough=HEALTHY,
    stuck=0.7,  # the script as it is given reaches .3 to .5
    seeds=(105, 106),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "digits", divide_by=16),  # as the script scales the images
    strange=travels_otherwise,
)

check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=DIAGNOSIS.gather,
    clauses=DIAGNOSIS.clauses(
        letter="Each letter can be measured. Do not take the colleague's word for it.",
        heals="Which keyword acts on the cause that you named?",
    ),
    verified=partial(DIAGNOSIS.verified, digits=1),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "How far do the weights move in each epoch? Compare neighbours in "
        "experiment(0)['weights'].",
        "After the first epoch nothing moves. Which line of the inner loop takes the learning rate "
        "away, and which keyword says how fast?",
    ),
)
