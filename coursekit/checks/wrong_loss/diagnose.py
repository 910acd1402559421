"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis
from coursekit.checks.experiment import labelled_rows
from coursekit.checks.wrong_loss.runs import CAUSES, HEALTHY, Run, are_probabilities, run

LIMITS = {"epochs": (0, 30), "depth": (1, 12)}  # seconds, not minutes


def gives_no_probabilities(run: Run) -> str | None:
    """A repair that is hidden behind a made-up accuracy still changes what reaches the loss."""
    return None if are_probabilities(run) else "something else reaches the loss"


DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="G",
    enough=HEALTHY,
    stuck=0.7,
    seeds=(105, 106),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "digits", divide_by=16),  # as the script scales the images
    strange=gives_no_probabilities,
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
            CAUSES["F"],
            hint="Look at the loss, not at the accuracy alone: what does a right answer cost?",
        ),
    ),
    verified=partial(DIAGNOSIS.verified, also=", and the loss gets what it is made for", digits=1),
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them.",
        "Look at what the loss gets: run = experiment(0); run['model'](run['train'].tensors[0]).",
        "The rows add up to 1, and cross-entropy takes a softmax of its own. Which keyword says "
        "what the network ends in?",
    ),
)
