"""Task 1: ``fill(x, rows)`` puts a number into every empty cell of a table."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.missing_and_corrupted_data.tables import Table, wine_with_holes
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart, two_digits

SEED = 108
SLACK = 1e-6  # of a value; float32 would not keep it, and need not
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Holes:
    """A table with empty cells.

    Attributes:
        name: What messages call it.
        x: Shape (rows, columns), NaN where a cell is empty.
        rows: Numbers of the training rows.
    """

    name: str
    x: Table
    rows: Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Filled:
    """One call of the answer, and another with other values in the rows that are not for training.

    Attributes:
        holes: What it was called on.
        seen: What came back, of the table's shape.
        again: What came back the second time.
        outcome: The first call, to see what it left behind.
    """

    holes: Holes
    seen: Table
    again: Table
    outcome: Call


Evidence = tuple[Filled, ...]


def tables() -> tuple[Holes, ...]:
    """A table that can be filled by hand, and wines.

    >>> tables()[0].x.tolist()
    [[0.0, nan], [3.0, 10.0], [nan, 30.0], [8.0, nan], [9.0, 80.0]]
    """
    nan = np.nan
    small = np.array([[0, nan], [3, 10], [nan, 30], [8, nan], [9, 80]])
    wine = wine_with_holes(SEED)
    chosen = np.random.default_rng(SEED).permutation(len(wine))[:106]
    return (
        Holes(
            name="a table of five rows, the first three for training", x=small, rows=np.arange(3)
        ),
        Holes(name="wines with a tenth of the cells empty", x=wine, rows=chosen),
    )


def gather(fill: Callable[..., object]) -> Evidence:
    """Fill each table twice."""
    return tuple(_filled(fill, holes) for holes in tables())


def nothing_is_left(evidence: Evidence) -> str | None:
    """No cell is empty afterwards."""
    for one in evidence:
        left = int((~np.isfinite(one.seen)).sum())
        if left:
            return f"On {one.holes.name}, cells that are still NaN or infinite: {left}."
    return None


def measured_cells_stay(evidence: Evidence) -> str | None:
    """A cell that had a value still has it."""
    for one in evidence:
        before = one.holes.x
        there = ~np.isnan(before)
        changed = there & ~np.isclose(one.seen, before, rtol=SLACK, atol=0)
        if changed.any():
            row, column = np.argwhere(changed)[0]
            seen, was = told_apart(one.seen[row, column], before[row, column])
            return (
                f"On {one.holes.name}, cells that had a value and have another: "
                f"{int(changed.sum())}; the first, in row {row} and column {column}, "
                f"was {was} and is {seen}."
            )
    return None


def holes_get_their_columns_mean(evidence: Evidence) -> str | None:
    """The mean of the column: of its training rows, or of all; that is for the next clause."""
    for one in evidence:
        x, rows = one.holes.x, one.holes.rows
        means = [np.nanmean(x[rows], axis=0), np.nanmean(x, axis=0)]  # (columns,) each
        for row, column in np.argwhere(np.isnan(x) & np.isfinite(one.seen)):
            seen = one.seen[row, column]
            if not any(np.isclose(seen, mean[column], rtol=SLACK) for mean in means):
                told, wanted = told_apart(seen, means[0][column])
                return (
                    f"On {one.holes.name}, the empty cell in row {row} and column {column} got "
                    f"{told}; the mean of that column in the training rows is {wanted}."
                )
    return None


def other_rows_have_no_part(evidence: Evidence) -> str | None:
    """What is filled does not change with the rows that are not for training."""
    for one in evidence:
        both = np.isnan(one.holes.x) & np.isfinite(one.seen) & np.isfinite(one.again)
        moved = both & ~np.isclose(one.seen, one.again, rtol=SLACK, atol=0)
        if moved.any():
            row, column = np.argwhere(moved)[0]
            before, after = told_apart(one.seen[row, column], one.again[row, column])
            wanted = two_digits(np.nanmean(one.holes.x[one.holes.rows, column]))
            return (
                f"On {one.holes.name}, the empty cell in row {row} and column {column} got "
                f"{before}, and {after} once the rows that are not for training had other values; "
                f"the mean of that column in the training rows stays {wanted}."
            )
    return None


def table_stays(evidence: Evidence) -> str | None:
    """What was handed over is as it was."""
    for one in evidence:
        before, after = one.holes.x, one.outcome.handed["x"]
        if not np.array_equal(before, np.asarray(after), equal_nan=True):
            return f"On {one.holes.name}, fill changed x itself."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    holes = int(np.isnan(evidence[-1].holes.x).sum())
    return (
        f"{holes} empty cells of the wine table hold the mean that their column has in the "
        "training rows, and the others are as they were measured."
    )


check_fill = Check(
    task="Task 1",
    takes=("fill",),
    gather=gather,
    clauses=(
        Clause(
            name="left",
            test=nothing_is_left,
            hint="Every row is to be filled, not those for training alone. And a mean over a "
            "column with an empty cell is itself nan; np.nanmean steps over it.",
        ),
        Clause(
            name="kept",
            test=measured_cells_stay,
            hint="Only np.isnan(x) cells get a number. What was measured stays.",
        ),
        Clause(
            name="column",
            test=holes_get_their_columns_mean,
            hint="One mean for each column, over the cells that have a value: "
            "np.nanmean(…, axis=0).",
        ),
        Clause(
            name="training",
            test=other_rows_have_no_part,
            hint="Compute the means from x[rows] alone, then fill all rows with them.",
        ),
        Clause(
            name="input",
            test=table_stays,
            hint="Work on a copy: x = x.copy(), or np.where, which makes a new table.",
        ),
    ),
    verified=verified,
    hints=(
        "How many numbers do you need to fill a table of 13 columns, and from which rows?",
        "Print np.nanmean(x[rows], axis=0): its shape is (columns,).",
        "np.where(np.isnan(x), means, x) takes the column's mean where a cell is empty. Or "
        "SimpleImputer().fit(x[rows]).transform(x).",
    ),
)


def _filled(fill: Callable[..., object], holes: Holes) -> Filled:
    """Two calls of the answer; the second with other rows that are not for training."""
    others = np.setdiff1d(np.arange(len(holes.x)), holes.rows)
    changed = holes.x.copy()
    changed[others] = 3 * changed[others] + 1
    outcomes = [call(fill, {"x": x, "rows": holes.rows}, name="fill") for x in (holes.x, changed)]
    seen, again = (
        as_array(outcome.result, shape=holes.x.shape, source=f"On {holes.name}, fill", finite=False)
        for outcome in outcomes
    )
    return Filled(holes=holes, seen=seen, again=again, outcome=outcomes[0])
