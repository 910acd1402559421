"""The optional task: ``doubtful(x, y, k)`` names the rows whose labels are most likely wrong."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.datasets import load_dataset

SEED = 108
ROWS = 300
WRONG = 30
FOUND = 0.7  # share of the named rows whose label is wrong; a tenth would be by chance
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mislabelled:
    """Digits, some with the label of another class.

    Attributes:
        name: What messages call it.
        x: Shape (rows, 64), from 0 to 1.
        y: Class numbers, shape (rows,).
        wrong: Numbers of the rows whose label is wrong.
    """

    name: str
    x: npt.NDArray[np.float64]
    y: Rows
    wrong: Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Named:
    """One call of the answer.

    Attributes:
        table: What it was called on.
        seen: The rows that it named, shape (k,).
        outcome: The call, to see what it left behind.
    """

    table: Mislabelled
    seen: Rows
    outcome: Call


Evidence = tuple[Named, ...]


def tables() -> tuple[Mislabelled, ...]:
    """Two tables: labels wrong at random, and rows of one class taken for another.

    >>> [len(table.wrong) for table in tables()]
    [30, 30]
    """
    data, lot = load_dataset("digits"), np.random.default_rng(SEED)
    x, y = data.x[:ROWS] / 16, data.y[:ROWS].copy()
    anywhere, ones = y.copy(), y.copy()
    some = lot.choice(ROWS, WRONG, replace=False)
    anywhere[some] = (y[some] + lot.integers(1, 10, WRONG)) % 10
    few = np.concatenate([np.flatnonzero(y == kind)[: WRONG // 10] for kind in range(10)])
    ones[few] = (y[few] + 3) % 10
    return (
        Mislabelled(name="digits with wrong labels anywhere", x=x, y=anywhere, wrong=some),
        Mislabelled(name="digits with as many wrong labels in each class", x=x, y=ones, wrong=few),
    )


def gather(doubtful: Callable[..., object]) -> Evidence:
    """Ask about each table for as many rows as there are wrong labels."""
    return tuple(_named(doubtful, table) for table in tables())


def rows_are_named(evidence: Evidence) -> str | None:
    """As many different rows as were asked for."""
    for one in evidence:
        different = len(np.unique(one.seen))
        if different < len(one.seen):
            return (
                f"On {one.table.name}, {different} different rows came; expected {len(one.seen)}."
            )
    return None


def most_are_wrong(evidence: Evidence) -> str | None:
    """Most of the named rows have a wrong label."""
    for one in evidence:
        found = float(np.isin(one.seen, one.table.wrong).mean())
        if found < FOUND:
            return (
                f"On {one.table.name}, {found:.0%} of the rows that you named have a wrong label; "
                f"expected at least {FOUND:.0%}. By chance it would be "
                f"{len(one.table.wrong) / len(one.table.y):.0%}."
            )
    return None


def table_stays(evidence: Evidence) -> str | None:
    """Rows and labels are as they were."""
    for one in evidence:
        if one.outcome.altered:
            return f"On {one.table.name}, doubtful changed {' and '.join(one.outcome.altered)}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"In {len(evidence)} tables with {WRONG} wrong labels among {ROWS}, at least {FOUND:.0%} "
        "of the rows that your function names have one."
    )


check_doubtful = Check(
    task="The optional task",
    takes=("doubtful",),
    gather=gather,
    clauses=(
        Clause(
            name="rows",
            test=rows_are_named,
            hint="Each row once: the numbers of the k rows with the most doubtful labels.",
        ),
        Clause(
            name="found",
            test=most_are_wrong,
            hint="What do rows that are near to a row say of its label? A model that was trained "
            "on the row itself may have learnt its wrong label by heart.",
        ),
        Clause(
            name="changes",
            test=table_stays,
            hint="Name the rows; do not mend them. Work on copies.",
        ),
    ),
    verified=verified,
    hints=(
        "Which rows could tell you that a label is wrong, if not the row itself?",
        "For each row, the share of its ten nearest other rows that have its label. Look at the "
        "rows where it is lowest.",
        "cross_val_predict(model, x, y, method='predict_proba') gives each row the probabilities "
        "of a model that was not trained on it. Take that of its own label, and argsort.",
    ),
)


def _named(doubtful: Callable[..., object], table: Mislabelled) -> Named:
    """One call of the answer."""
    k = len(table.wrong)
    outcome = call(doubtful, {"x": table.x, "y": table.y, "k": k}, name="doubtful")
    rows = outcome.result
    rows = list(rows) if isinstance(rows, set | frozenset) else rows  # in any order
    seen = as_array(rows, shape=(k,), source=f"On {table.name}, doubtful")
    return Named(table=table, seen=seen.astype(np.int64), outcome=outcome)
