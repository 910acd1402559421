"""Task 1: ``weigh(y, classes)``: what a row of each class must count, so that all count alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart, two_digits

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

TOLERANCE = 0.01  # of what is expected
SEED = 109


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Labels whose classes are not equally frequent.

    Attributes:
        name: What messages call them.
        labels: Class numbers, shape (rows,).
        classes: How many classes there are; not each of them need have a row.
    """

    name: str
    labels: Labels
    classes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Weighed:
    """What an answer gave for one table: a weight a class, and whether it changed the labels."""

    table: Table
    weights: Array
    altered: bool

    @property
    def sums(self) -> dict[int, float]:
        """What all rows of a class weigh together, for each class that has rows."""
        counts = np.bincount(self.table.labels, minlength=self.table.classes)
        return {
            number: float(count * self.weights[number])
            for number, count in enumerate(counts)
            if count
        }

    @property
    def mean(self) -> float:
        """The mean weight of a row."""
        return float(self.weights[self.table.labels].mean())


Evidence = tuple[Weighed, ...]


def tables() -> tuple[Table, ...]:
    """Labels in mixed order.

    >>> [(table.name, len(table.labels)) for table in tables()]
    [('one six in a hundred', 980), ('three classes', 100), ('labels without classes 1 and 3', 80)]
    """
    return (
        _table("one six in a hundred", (970, 10)),
        _table("three classes", (20, 50, 30)),
        _table("labels without classes 1 and 3", (60, 0, 20, 0)),
    )


def gather(weigh: object) -> Evidence:
    """Weigh the classes of each table."""
    return tuple(_weighed(weigh, table) for table in tables())


def classes_count_alike(evidence: Evidence) -> str | None:
    """The rows of each class weigh as much together as those of any other."""
    for one in evidence:
        sums = one.sums
        heavy, light = max(sums, key=sums.__getitem__), min(sums, key=sums.__getitem__)
        if not sums[heavy] - sums[light] <= TOLERANCE * abs(sums[heavy]):
            most, least = told_apart(sums[heavy], sums[light])
            return (
                f"On {one.table.name}, all rows of class {heavy} together weigh {most}, those of "
                f"class {light} {least}; expected the same."
            )
    return None


def mean_is_one(evidence: Evidence) -> str | None:
    """On average over the rows, a row counts once."""
    for one in evidence:
        if not abs(one.mean - 1) <= TOLERANCE:
            seen, right = told_apart(one.mean, 1.0)
            return f"On {one.table.name}, the mean weight of a row is {seen}; expected {right}."
    return None


def labels_stay(evidence: Evidence) -> str | None:
    """The labels are as they were."""
    changed = [one.table.name for one in evidence if one.altered]
    return f"On {changed[0]}, weigh changed y." if changed else None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    other, six = evidence[0].weights
    return (
        f"Where one digit in a hundred is a six, a six weighs {two_digits(six)} and another digit "
        f"{two_digits(other)}: each class has half of the loss, and steps stay as long as they "
        "were on average."
    )


check_weigh = Check(
    task="Task 1",
    takes=("weigh",),
    gather=gather,
    clauses=(
        Clause(
            name="alike",
            test=classes_count_alike,
            hint="If a class has half as many rows, how much more must each of them weigh?",
        ),
        Clause(
            name="mean",
            test=mean_is_one,
            hint="The mean goes over rows, not over classes: a frequent class counts often in it. "
            "All weights may be multiplied by one number.",
        ),
        Clause(name="labels", test=labels_stay, hint="Work on a copy of y, or on its counts."),
    ),
    verified=verified,
    hints=(
        "Two things are asked: how the weights stand to each other, and how large they are.",
        "Count the rows of each class; np.bincount(y, minlength=classes) does. Count times weight "
        "must be the same number for each class that has rows.",
        "Begin with 1 / count, where the count is not 0. Then divide all weights by the mean of "
        "weights[y].",
    ),
)


def _table(name: str, counts: tuple[int, ...]) -> Table:
    """So many rows of each class, in mixed order."""
    labels = np.repeat(np.arange(len(counts)), counts)
    mixed = np.random.default_rng(SEED).permutation(labels)
    return Table(name=name, labels=mixed, classes=len(counts))


def _weighed(weigh: object, table: Table) -> Weighed:
    """One call of the answer."""
    outcome = call(weigh, {"y": table.labels, "classes": table.classes}, name="weigh")
    weights = as_array(outcome.result, shape=(table.classes,), source=f"On {table.name}, weigh")
    return Weighed(table=table, weights=weights, altered=bool(outcome.altered))
