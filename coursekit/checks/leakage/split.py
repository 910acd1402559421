"""The optional task: ``split(x, distance, seed)`` keeps rows that hang together on one side."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.leakage.tables import SEED, Array, Family, Numbers, families
from coursekit.checks.reading import as_array
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, two_digits

LEAST, MOST = 0.2, 0.4  # of the rows, for validation


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """One table, split with two seeds.

    Attributes:
        table: The table.
        train: Row numbers of the first split.
        val: Row numbers of the first split.
        other: Validation rows with the other seed.
        altered: The arguments that were changed in place.
    """

    table: Family
    train: Numbers
    val: Numbers
    other: Numbers
    altered: tuple[str, ...]


Evidence = tuple[Sides, ...]


def gather(split: object) -> Evidence:
    """Split each table with two seeds."""
    return tuple(_sides(split, table) for table in families())


def every_row_is_somewhere(evidence: Evidence) -> str | None:
    """Each row is on exactly one side."""
    for one in evidence:
        rows = np.concatenate([one.train, one.val])
        if not np.array_equal(np.sort(rows), np.arange(len(one.table.x))):
            return (
                f"On {one.table.name}, {len(rows)} row numbers came back, {len(set(rows))} of them "
                f"different; expected each of the {len(one.table.x)} rows once."
            )
    return None


def families_stay_together(evidence: Evidence) -> str | None:
    """No validation row is close to a training row."""
    for one in evidence:
        if not len(one.val) or not len(one.train):
            continue
        least = float(_gaps(one.table.x[one.val], one.table.x[one.train]).min())
        if least < one.table.distance:
            return (
                f"On {one.table.name}, a validation row is {two_digits(least)} away from a "
                f"training row; expected at least {one.table.distance:g}."
            )
    return None


def shares_are_right(evidence: Evidence) -> str | None:
    """Validation gets its part of the rows."""
    for one in evidence:
        share = len(one.val) / len(one.table.x)
        if not LEAST <= share <= MOST:
            return (
                f"On {one.table.name}, validation gets {share:.2f} of the rows; expected between "
                f"{LEAST} and {MOST}."
            )
    return None


def seeds_differ(evidence: Evidence) -> str | None:
    """Another seed, another split."""
    for one in evidence:
        if set(one.val.tolist()) == set(one.other.tolist()):
            return f"On {one.table.name}, two seeds give the same validation rows."
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """The table is as it was."""
    for one in evidence:
        if one.altered:
            return f"On {one.table.name}, split changed {' and '.join(one.altered)} in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    names = ", ".join(one.table.name for one in evidence[:-1])
    return f"No validation row is close to a training row in {names}; every row is used."


check_split = Check(
    task="The optional task",
    takes=("split",),
    gather=gather,
    clauses=(
        Clause(
            name="rows",
            test=every_row_is_somewhere,
            hint="Copies are not thrown away here: they go to the side of their family.",
        ),
        Clause(
            name="apart",
            test=families_stay_together,
            hint="Which rows are close to that one, and which are close to those? All of them go "
            "to one side.",
        ),
        Clause(
            name="share",
            test=shares_are_right,
            hint="Count rows, not families: how many rows does each side get?",
        ),
        Clause(name="seed", test=seeds_differ, hint="Hand the seed on to what draws the sides."),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="A split leaves the table as it found it.",
        ),
    ),
    verified=verified,
    hints=(
        "If you knew for each row to which family it belongs, which splitter of scikit-learn "
        "would you take?",
        "sklearn.neighbors.radius_neighbors_graph(x, distance) says which rows are close. Look at "
        "its shape, and at a chain of three rows in it.",
        "scipy.sparse.csgraph.connected_components makes a family number a row of that graph; "
        "GroupShuffleSplit(test_size=0.3, random_state=seed) splits by it.",
    ),
)


def _sides(split: object, table: Family) -> Sides:
    """Two calls of the answer."""
    train, val, altered = _ask(split, table, SEED)
    _, other, _ = _ask(split, table, SEED + 1)
    return Sides(table=table, train=train, val=val, other=other, altered=altered)


def _ask(split: object, table: Family, seed: int) -> tuple[Numbers, Numbers, tuple[str, ...]]:
    """One call: the two sides, and what was changed in place."""
    arguments = {"x": table.x, "distance": table.distance, "seed": seed}
    outcome = call(split, arguments, name="split")
    came = outcome.result
    if not isinstance(came, tuple | list) or len(came) != 2:
        raise CheckFailed(f"split returned {kind_of(came)}; expected two arrays of row numbers.")
    source = f"On {table.name}, split"
    train, val = (_row_numbers(side, len(table.x), source) for side in came)
    return train, val, outcome.altered


def _row_numbers(side: object, rows: int, source: str) -> Numbers:
    """One side as whole numbers of rows."""
    several = isinstance(side, list | tuple) or (
        isinstance(side, np.ndarray | Tensor) and side.ndim == 1
    )
    if not several:
        raise CheckFailed(f"{source} returned {kind_of(side)}; expected an array of row numbers.")
    count = len(side)  # type: ignore[arg-type]
    numbers = as_array(side, shape=(count,), source=source)
    if count and (
        np.any(numbers != np.floor(numbers)) or np.any((numbers < 0) | (numbers >= rows))
    ):
        raise CheckFailed(f"{source} returned numbers that are no rows; rows are 0 to {rows - 1}.")
    return numbers.astype(np.int64)


def _gaps(some: Array, others: Array) -> Array:
    """The distance of each row to each other row, shape (some, others)."""
    gaps: Array = np.linalg.norm(some[:, None] - others[None], axis=2)
    return gaps
