"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from functools import partial

from coursekit.checks.check import Check
from coursekit.checks.diagnosing import Diagnosis, Evidence
from coursekit.checks.experiment import labelled_rows
from coursekit.checks.learning_rate.runs import CAUSES, HEALTHY, Run, run, shift
from coursekit.checks.wording import two_digits

LIMITS = {"epochs": (1, 100), "hidden": (1, 512)}  # seconds, not minutes

DIAGNOSIS: Diagnosis[Run] = Diagnosis(
    causes=CAUSES,
    healthy="F",
    enough=HEALTHY,
    stuck=0.75,  # the script as it is given stays near the largest class, .40
    seeds=(105, 106),
    limits=LIMITS,
    run=run,
    known=partial(labelled_rows, "wine"),
    numbers_only=True,
    also_takes={"bn_momentum": (type(None),)},  # all batches count alike
)


def verified(evidence: Evidence[Run]) -> str:
    """What a pass has shown."""
    gap = two_digits(max(shift(run) for run in evidence.changed))
    return DIAGNOSIS.verified(
        evidence,
        also=f", and at the first Linear layer their means are at most {gap} standard deviations "
        "from those in training",
    )


check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=DIAGNOSIS.gather,
    clauses=DIAGNOSIS.clauses(
        letter="Ask the checklist's questions in their order: which part of the run is healthy?",
        heals="Which keyword acts on the cause that you named?",
    ),
    verified=verified,
    hints=(
        "Does experiment(0)['losses'] look like a run whose rate is wrong? Try a tenth of the "
        "rate, and see whether the accuracy on held-out rows follows.",
        "Put the *training* rows through the model after model.eval(): is it as good on them as "
        "its losses say? Then compare what leaves model[0] in training and in use.",
        "BatchNorm standardises by the batch in training, and by running averages in use. Here "
        "these hardly move from where they began: look at model[0].running_mean, and at the "
        "keyword that says how much each batch counts.",
    ),
)
