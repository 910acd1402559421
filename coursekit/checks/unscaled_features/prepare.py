"""Task 1: ``prepare(x, rows)`` standardises x with what the training rows alone say."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import two_digits
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

TOLERANCE = 0.01  # n or n - 1 in the standard deviation differ by .006 in 89 rows
SAME_LINE = 0.001  # standard deviations; float32 keeps 1e-5
SPLIT = 101


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """What the answer made of one data set.

    Attributes:
        data: Name of the data set.
        columns: Names of the columns.
        x: The raw features, shape (all_rows, features).
        rows: The training rows, shape (training_rows,).
        seen: What came back, shape (all_rows, features).
        altered: Which arguments the answer changed in place.
    """

    data: str
    columns: tuple[str, ...]
    x: Array
    rows: npt.NDArray[np.int64]
    seen: Array
    altered: tuple[str, ...]


Evidence = tuple[Prepared, ...]


def gather(prepare: object) -> Evidence:
    """Call the answer on two data sets, split at random."""
    return tuple(_prepared(prepare, name) for name in ("breast_cancer", "wine"))


def mean_is_zero(evidence: Evidence) -> str | None:
    """Each column of the training rows has mean 0."""
    for one in evidence:
        means = one.seen[one.rows].mean(axis=0)  # (features,)
        worst = int(np.abs(means).argmax())
        if abs(means[worst]) > TOLERANCE:
            return f"{_where(one, worst)} has mean {two_digits(means[worst])}; expected 0."
    return None


def deviation_is_one(evidence: Evidence) -> str | None:
    """Each column of the training rows has standard deviation 1."""
    for one in evidence:
        deviations = one.seen[one.rows].std(axis=0)  # (features,)
        worst = int(np.abs(deviations - 1).argmax())
        if abs(deviations[worst] - 1) > TOLERANCE:
            seen = two_digits(deviations[worst])
            return f"{_where(one, worst)} has standard deviation {seen}; expected 1."
    return None


def all_rows_alike(evidence: Evidence) -> str | None:
    """A column is shifted and scaled in all rows by what its training rows say.

    Compares shapes only: both sides are put in units of their own training rows first, so that a
    column with the wrong mean or deviation does not fail here too.
    """
    for one in evidence:
        gaps = np.abs(_in_own_units(one.seen, one.rows) - _in_own_units(one.x, one.rows))
        row, column = np.unravel_index(int(gaps.argmax()), gaps.shape)
        if gaps[row, column] > SAME_LINE:
            kind = "a training row" if row in one.rows else "a held-out row"
            gap = two_digits(gaps[row, column])
            return (
                f"On {one.data}, column {column} ({one.columns[column]}), {kind} is "
                f"{gap} standard deviations away from where the shift and scale of the training "
                "rows put it."
            )
    return None


def x_is_untouched(evidence: Evidence) -> str | None:
    """The caller's arrays are as they were."""
    for one in evidence:
        if one.altered:
            return f"On {one.data}, prepare changed {' and '.join(one.altered)} in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    names = " and ".join(one.data for one in evidence)
    count = sum(one.x.shape[1] for one in evidence)
    return (
        f"{count} columns of {names}: mean 0 and standard deviation 1 on the training rows, all "
        "other rows moved alike, x untouched."
    )


check_prepare = Check(
    task="Task 1",
    takes=("prepare",),
    gather=gather,
    clauses=(
        Clause(
            name="mean",
            test=mean_is_zero,
            hint="Which rows is the mean taken over, and is it subtracted?",
        ),
        Clause(
            name="deviation",
            test=deviation_is_one,
            hint="Each column has a standard deviation of its own. What is it divided by?",
        ),
        Clause(
            name="alike",
            test=all_rows_alike,
            hint="Training rows and all other rows need the same two numbers for a column.",
        ),
        Clause(
            name="untouched",
            test=x_is_untouched,
            hint="Work on a new array: the caller still needs the raw x.",
        ),
    ),
    verified=verified,
    hints=(
        "Which two numbers of a column does it need, and from which rows may they come?",
        "Print x[rows].mean(axis=0) and x[rows].std(axis=0) before and after: they must become "
        "0 and 1. The lesson's section 'The fix' shows the line.",
        "Fit a StandardScaler on x[rows], transform all of x with it, and return that.",
    ),
)


def _prepared(prepare: object, name: str) -> Prepared:
    """One call of the answer."""
    data = load_dataset(name)
    rows, _ = train_test_split(
        np.arange(len(data.y)), test_size=0.5, stratify=data.y, random_state=SPLIT
    )
    one = call(prepare, {"x": data.x, "rows": rows}, name="prepare")
    title = name.replace("_", " ")
    seen = as_array(one.result, shape=data.x.shape, source=f"On {title}, prepare")
    return Prepared(
        data=title, columns=data.feature_names, x=data.x, rows=rows, seen=seen, altered=one.altered
    )


def _where(one: Prepared, column: int) -> str:
    """The start of a sentence about one column."""
    return f"On {one.data}, column {column} ({one.columns[column]}) of the training rows"


def _in_own_units(x: Array, rows: npt.NDArray[np.int64]) -> Array:
    """Distance from the mean of the training rows, in their standard deviations."""
    deviations = x[rows].std(axis=0)
    spread = np.where(deviations > 0, deviations, np.inf)  # a constant column: all zeros
    scaled: Array = (x - x[rows].mean(axis=0)) / spread
    return scaled
