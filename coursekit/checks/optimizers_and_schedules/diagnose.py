"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals."""

from dataclasses import replace
from functools import partial

from coursekit.checks.check import Check, Clause
from coursekit.checks.diagnosing import Diagnosis, Evidence
from coursekit.checks.experiment import call_text, labelled_rows
from coursekit.checks.optimizers_and_schedules.runs import (
    CAUSES,
    HEALTHY,
    Run,
    run,
    size_at_the_end,
)

LIMITS = {
    "epochs": (1, 20), "batch_size": (8, 400), "hidden": (1, 256), "lr": (0, 10),
    "weight_decay": (0, 10), "weight_size": (0, 10),
}  # fmt: skip  # seconds, not minutes

GENTLE = 0.9  # size left; a decay beside the gradient leaves .95 where nothing else moves

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


def optimizer_is_the_right_one(evidence: Evidence[Run]) -> str | None:
    """Another optimizer heals; where it does not, whether the decay still takes the weights."""
    seen, name = DIAGNOSIS.change_heals(evidence), evidence.changes.get("method")
    if seen is None or name is None:
        return None
    left = evidence.changed[0].left
    finding = (
        f": {name} too has the decay inside the gradient."
        if left < GENTLE
        else f", but at this rate {name} hardly trains."
    )
    return f"{seen} The keyword acts on the cause. At the end {size_at_the_end(left)}{finding}"


def decay_is_acted_on(evidence: Evidence[Run]) -> str | None:
    """No other keyword changes how the decay acts, whatever the accuracy."""
    if {"weight_decay", "method"} & evidence.changes.keys():
        return None
    seen = DIAGNOSIS.change_heals(evidence)
    if seen is not None or not evidence.changes:
        return seen
    return (
        f"With {call_text(evidence.changes)}, the accuracy on held-out rows is "
        f"{evidence.changed[0].accuracy:.2f}, but the decay is as it was: in each step, it stands "
        "inside the gradient."
    )


GIVEN, LETTER, ONE_CHANGE, HEALS = DIAGNOSIS.clauses(
    letter="Each letter can be measured. Do not take the colleague's word for it.",
    heals="Which keywords act on the decay itself? There are two.",
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
        Clause(
            name="method",
            test=optimizer_is_the_right_one,
            hint="Which optimizer keeps Adam's steps, and takes the decay beside them?",
        ),
        replace(HEALS, test=decay_is_acted_on),
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
