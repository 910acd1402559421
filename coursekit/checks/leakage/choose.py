"""Task 1: ``choose(x, y, rows, k)`` names k columns by the training rows alone."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.leakage.tables import SEED, Choice, choices
from coursekit.checks.reading import as_array

Spoilt = Literal["labels", "values"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """What came back for one table.

    Attributes:
        table: The table.
        columns: The numbers that came back.
        spoilt: What came back when the labels, or the values, of the other rows were others.
        steady: Whether the same table, asked about again, gave the same columns; asked only
            where others came back.
        altered: The arguments that were changed in place.
    """

    table: Choice
    columns: tuple[float, ...]
    spoilt: dict[Spoilt, tuple[float, ...]]
    steady: bool
    altered: tuple[str, ...]


Evidence = tuple[Chosen, ...]


def gather(choose: object) -> Evidence:
    """Choose in each table as it is, and with other rows that are not for training."""
    return tuple(_chosen(choose, table) for table in choices())


def columns_are_columns(evidence: Evidence) -> str | None:
    """Different whole numbers, each of a column."""
    for one in evidence:
        number = one.table.x.shape[1]
        if len(set(one.columns)) < one.table.k:
            return f"On {one.table.name}, a column comes back twice; expected {one.table.k} others."
        strange = [c for c in one.columns if c != int(c) or not 0 <= c < number]
        if strange:
            return f"On {one.table.name}, column {strange[0]:g} came back; there are {number}."
    return None


def best_are_found(evidence: Evidence) -> str | None:
    """The columns that separate the classes plainly come back."""
    for one in evidence:
        if one.table.best and set(one.columns) != one.table.best:
            found = ", ".join(f"{column:g}" for column in sorted(one.columns))
            best = ", ".join(str(column) for column in sorted(one.table.best))
            return (
                f"On {one.table.name}, columns {found} came back; the ones whose means differ "
                f"plainly between the classes are {best}."
            )
    return None


def same_again(evidence: Evidence) -> str | None:
    """The same table gives the same columns."""
    for one in evidence:
        if not one.steady:
            return f"On {one.table.name}, a second call with the same table gave other columns."
    return None


def others_do_not_count(evidence: Evidence) -> str | None:
    """Other labels, or other values, in the other rows change nothing; chance is said elsewhere."""
    for one in evidence:
        if not one.steady:
            continue
        for what, columns in one.spoilt.items():
            changed = len(set(one.columns) - set(columns))
            if changed:
                return (
                    f"On {one.table.name}, with other {what} in the rows that are not for "
                    f"training, {changed} of {one.table.k} chosen columns are others."
                )
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """The table is as it was."""
    for one in evidence:
        if one.altered:
            return f"On {one.table.name}, choose changed {' and '.join(one.altered)} in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    planted = sum(bool(one.table.best) for one in evidence)
    return (
        f"On {planted} tables the columns that tell the classes apart came back; on "
        f"{len(evidence)} tables other labels and other values in the other rows changed nothing."
    )


check_choose = Check(
    task="Task 1",
    takes=("choose",),
    gather=gather,
    clauses=(
        Clause(
            name="columns",
            test=columns_are_columns,
            hint="The numbers of k different columns, counted from 0.",
        ),
        Clause(
            name="best",
            test=best_are_found,
            hint="Compare the means of the classes in each column, whichever is the larger, with "
            "the spread inside the classes.",
        ),
        Clause(
            name="again",
            test=same_again,
            hint="What draws by chance needs a seed, the same in each call.",
        ),
        Clause(
            name="others",
            test=others_do_not_count,
            hint="Which rows does your choice look at? It may look at x[rows] and y[rows] alone.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="A choice leaves the table as it found it.",
        ),
    ),
    verified=verified,
    hints=(
        "Which rows may have a part in it, and which may not?",
        "Print x[rows].shape and y[rows].shape: that is all that the choice may see. What did the "
        "lesson's script give to fit?",
        "SelectKBest(k=k).fit(training rows, their labels).get_support(indices=True) gives the "
        "numbers of the columns.",
    ),
)


def _chosen(choose: object, table: Choice) -> Chosen:
    """Three calls of the answer, and a fourth to tell other rows from chance."""
    draw = np.random.default_rng(SEED)
    others = np.setdiff1d(np.arange(len(table.y)), table.rows)
    labels, values = table.y.copy(), table.x.copy()
    labels[others] = draw.permutation(labels[others])
    # far away, so that a spread or a mean over all rows would move too
    values[others] = draw.normal(size=values[others].shape) * 1000 + 500 * table.y[others, None]
    columns, altered = _ask(choose, table)
    spoilt: dict[Spoilt, tuple[float, ...]] = {
        "labels": _ask(choose, replace(table, y=labels))[0],
        "values": _ask(choose, replace(table, x=values))[0],
    }
    moved = any(set(other) != set(columns) for other in spoilt.values())
    steady = not moved or set(_ask(choose, table)[0]) == set(columns)
    return Chosen(table=table, columns=columns, spoilt=spoilt, steady=steady, altered=altered)


def _ask(choose: object, table: Choice) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """One call: the columns, and what was changed in place."""
    arguments = {"x": table.x, "y": table.y, "rows": table.rows, "k": table.k}
    outcome = call(choose, arguments, name="choose")
    numbers = as_array(outcome.result, shape=(table.k,), source=f"On {table.name}, choose")
    return tuple(numbers.tolist()), outcome.altered
