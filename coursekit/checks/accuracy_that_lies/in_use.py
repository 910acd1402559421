"""Task 2: ``in_use(p, y, threshold, share)``: recall, and the precision that use will see."""

import math
from dataclasses import dataclass

from coursekit.checks.accuracy_that_lies.rankings import Ranking, sure, twelve, unsure
from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart, two_digits

TOLERANCE = 0.002


@dataclass(frozen=True, kw_only=True)
class Question:
    """Rows, a threshold, and how rare in use is what is looked for."""

    rows: Ranking
    threshold: float
    share: float

    @property
    def name(self) -> str:
        """What messages call it."""
        share = two_digits(self.share)
        return f"{self.rows.name} (threshold {self.threshold}, share in use {share})"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an answer gave for one question."""

    question: Question
    recall: float
    precision: float
    altered: tuple[str, ...]


Evidence = tuple[Told, ...]


def questions() -> tuple[Question, ...]:
    """Some to be worked out by hand, some with more rows.

    >>> [round(one.rows.precision(one.threshold, one.share), 2) for one in questions()]
    [0.67, 0.04, 0.07, 1.0, 0.05, 0.0, 0.2, 0.14, 0.64]
    """
    few, low, high = twelve(), unsure(), sure()
    asked = (
        (few, 0.5, 1 / 3), (few, 0.5, 0.01), (few, 0.15, 0.01), (few, 0.7, 0.01), (few, 0.3, 0.008),
        (few, 0.95, 0.01), (low, 0.05, 0.01), (high, 0.5, 0.01), (high, 0.5, 0.1),
    )  # fmt: skip
    return tuple(Question(rows=rows, threshold=at, share=share) for rows, at, share in asked)


def gather(in_use: object) -> Evidence:
    """Ask each question."""
    return tuple(_told(in_use, question) for question in questions())


def recall_is_right(evidence: Evidence) -> str | None:
    """The first number."""
    for one in evidence:
        right = one.question.rows.recall(one.question.threshold)
        if not abs(one.recall - right) <= TOLERANCE:
            return _differs(one, "recall", one.recall, right)
    return None


def precision_is_right(evidence: Evidence) -> str | None:
    """The second number, where there are alarms."""
    for one in evidence:
        right = _precision(one.question)
        if right and not abs(one.precision - right) <= TOLERANCE:
            return _differs(one, "precision in use", one.precision, right)
    return None


def no_alarm_is_zero(evidence: Evidence) -> str | None:
    """Where there is no alarm, the precision is 0 and not NaN."""
    for one in evidence:
        if not _precision(one.question) and one.precision != 0:  # also where it is NaN
            seen = "NaN" if math.isnan(one.precision) else two_digits(one.precision)
            return (
                f"On {one.question.name}, there is no alarm, and in_use gives {seen} as the "
                "precision; expected 0."
            )
    return None


def nothing_changes(evidence: Evidence) -> str | None:
    """The rows are as they were."""
    changed = [one for one in evidence if one.altered]
    if not changed:
        return None
    return f"On {changed[0].question.name}, in_use changed {' and '.join(changed[0].altered)}."


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    rare, common = evidence[-2:]
    return (
        f"Measured by your function, of {common.question.rows.name}: a recall of "
        f"{common.recall:.2f}, and a precision of {common.precision:.2f} where one row in ten is "
        f"looked for, of {rare.precision:.2f} where one in a hundred is."
    )


check_in_use = Check(
    task="Task 2",
    takes=("in_use",),
    gather=gather,
    clauses=(
        Clause(
            name="recall",
            test=recall_is_right,
            hint="Of the rows with label 1: the share that gets more than the threshold.",
        ),
        Clause(
            name="precision",
            test=precision_is_right,
            hint="Not the alarms of these rows are asked for, but those in use. Think of 1000 rows "
            "that come by there: how many have label 1, and how many alarms does each kind give?",
        ),
        Clause(
            name="no alarm",
            test=no_alarm_is_zero,
            hint="Look at the sum of right and false alarms before you divide by it.",
        ),
        Clause(
            name="changes",
            test=nothing_changes,
            hint="A measurement leaves the rows as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "Which two shares can be measured on the test rows, each within one label?",
        "Twelve rows, threshold 0.5: 2 of the 4 rows with label 1 are found, and 1 of the 8 others "
        "is called. In use, of 1000 rows 10 have label 1: 5 right alarms, and 990 / 8 false ones.",
        "found = (p[y == 1] > threshold).mean() and called = (p[y == 0] > threshold).mean(). Then "
        "share * found are right alarms, and (1 - share) * called false ones.",
    ),
)


def _precision(question: Question) -> float:
    """What the second number must be."""
    return question.rows.precision(question.threshold, question.share)


def _told(in_use: object, question: Question) -> Told:
    """One call."""
    arguments = {
        "p": question.rows.p, "y": question.rows.y, "threshold": question.threshold,
        "share": question.share,
    }  # fmt: skip
    outcome = call(in_use, arguments, name="in_use")
    source = f"On {question.name}, in_use"
    recall, precision = as_array(outcome.result, shape=(2,), source=source, finite=False)
    return Told(
        question=question, recall=float(recall), precision=float(precision), altered=outcome.altered
    )


def _differs(one: Told, what: str, seen: float, expected: float) -> str:
    """A sentence on a number that is not right."""
    told, known = told_apart(seen, expected)
    return f"On {one.question.name}, in_use says that the {what} is {told}; expected {known}."
