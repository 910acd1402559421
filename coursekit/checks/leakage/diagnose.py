"""Task 3: ``diagnose()`` names what is wrong with ``experiment``, and the change that heals.

Here a healed script does not score better but tells the truth, so what heals is judged by the
distance of the estimate from the accuracy on new rows.
"""

import numpy as np

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.diagnosing import ONE_KEYWORD, Evidence, ruled_out, too_few_or_many
from coursekit.checks.experiment import Script, call_text
from coursekit.checks.leakage.runs import CAUSES, HONEST, Run, copies, run
from coursekit.checks.said import letter_and_change, real_changes

HEALTHY = "G"
SEEDS = (107, 108, 109)
LIMITS = {"epochs": (0, 60), "hidden": (1, 512), "keep": (1, 27)}  # seconds, not minutes
LIES = 0.15  # how much too good the script is at the least, in the mean, as it is given
COPIES = 0.2  # least share of copies among the validation rows, as it is given


def gather(diagnose: object, experiment: Script) -> Evidence[Run]:
    """Read the answer, then run the script with and without its change."""
    said = call(diagnose, {}, name="diagnose").result
    letter, change = letter_and_change(said, CAUSES)
    changes = real_changes(experiment, change, limits=LIMITS)
    untouched = tuple(run(experiment, seed, {}) for seed in SEEDS)
    changed = tuple(run(experiment, seed, changes) for seed in SEEDS if changes)
    return Evidence(
        letter=letter, changes=changes, untouched=untouched, changed=changed or untouched
    )


def script_is_as_given(evidence: Evidence[Run]) -> str | None:
    """Without a change, the script lies as it did when the learner got it."""
    edited = "Without a change, the script does not behave as it was given:"
    if too_good(evidence.untouched) < LIES:
        return f"{edited} its estimate is too good by {too_good(evidence.untouched):.2f} only."
    least = min(copies(one) for one in evidence.untouched)
    if least < COPIES:
        return f"{edited} {least:.0%} of the validation rows are a training row once more."
    return None


def letter_is_measured(evidence: Evidence[Run]) -> str | None:
    """What the letter says is true of the untouched script."""
    return ruled_out(evidence.letter, CAUSES[evidence.letter], SEEDS, evidence.untouched)


def one_change(evidence: Evidence[Run]) -> str | None:
    """One keyword differs; none where the script is healthy."""
    healthy = all(CAUSES[HEALTHY].holds(one) for one in evidence.untouched)
    return too_few_or_many(evidence.letter, evidence.changes, expected=0 if healthy else 1)


def cause_is_gone(evidence: Evidence[Run]) -> str | None:
    """With the change, no copies are left among the validation rows."""
    for seed, one in zip(SEEDS, evidence.changed, strict=True):
        if CAUSES["E"].holds(one):
            return (
                f"With {call_text(evidence.changes)}, {CAUSES['E'].measured(one)} on seed {seed}; "
                f"the estimate is {one.estimate:.2f}, the accuracy on new rows {one.accuracy:.2f}."
            )
    return None


def estimate_is_honest(evidence: Evidence[Run]) -> str | None:
    """With the change, the estimate says what new rows say."""
    gap = too_good(evidence.changed)
    if gap <= HONEST:
        return None
    return (
        f"With {call_text(evidence.changes)}, the estimate is too good by {gap:.2f} in the mean "
        f"over {len(SEEDS)} seeds; expected at most {HONEST}."
    )


def too_good(runs: tuple[Run, ...]) -> float:
    """How far the estimate is above the accuracy on new rows, in the mean."""
    return float(np.mean([one.too_good for one in runs]))


def verified(evidence: Evidence[Run]) -> str:
    """What a pass has shown."""
    before = too_good(evidence.untouched)
    return (
        f"On {len(SEEDS)} seeds that you have not seen, the estimate is too good by about "
        f"{before:.1f} without your change, and by at most {HONEST} with it; no validation row is "
        "a training row once more. Only now does the estimate say what the network can do."
    )


check_diagnose = Check(
    task="Task 3",
    takes=("diagnose", "experiment"),
    gather=gather,
    clauses=(
        Clause(
            name="given",
            test=script_is_as_given,
            hint="Undo your edits of its cell. The repair is a keyword argument.",
        ),
        Clause(
            name="letter",
            test=letter_is_measured,
            hint="Each letter can be measured. Do not take the colleague's word for it.",
        ),
        Clause(
            name="one change",
            test=one_change,
            hint=ONE_KEYWORD,
        ),
        Clause(
            name="cause",
            test=cause_is_gone,
            hint="What is learnt less well is recognised less well, and the copies are still "
            "there. Which keyword decides where they are made?",
        ),
        Clause(
            name="honest",
            test=estimate_is_honest,
            hint="Compare the estimate with the accuracy on new rows, on several seeds.",
        ),
    ),
    verified=verified,
    hints=(
        "Each letter claims something that can be measured on experiment(0). Measure all of them, "
        "and what the keyword changes that the colleague suspects.",
        "How far is each validation row from the nearest training row, and each new row? "
        "torch.cdist(rows, others).min(dim=1).values tells.",
        "The rare rows are repeated before train_test_split, so a row and its copy come to "
        "different sides. One keyword says which rows are repeated.",
    ),
)
