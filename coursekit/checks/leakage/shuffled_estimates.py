"""Task 2: ``shuffled_estimates(estimate, x, y, times)``: what an estimate says of any labels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.leakage.tables import SEED, Array, Numbers
from coursekit.checks.reading import as_array
from coursekit.checks.wording import two_digits

TIMES = (6, 4)  # on the two tables
ROWS = 200
# of the labels may still be at their row: chance leaves a quarter, give or take 0.03
MOST_KEPT = 0.4
KEPT = 20  # columns of 500
SAME = 1e-3  # what estimate said is 0.01 apart; float32, or three digits, are as good


@dataclass(frozen=True, kw_only=True, eq=False)
class Handed:
    """What an estimate was given, one entry a call.

    Attributes:
        name: What messages call the table.
        y: The labels, shape (rows,).
        pairs: For each call the label that came with each row, in the order of y.
        counted: For each call whether each label is there as often as in y, and each row once.
        said: What the estimate answered, in its order.
        times: How many were asked for.
        returned: What came back, shape (times,).
        altered: The arguments that were changed in place.
    """

    name: str
    y: Numbers
    pairs: tuple[Numbers, ...]
    counted: tuple[bool, ...]
    said: tuple[float, ...]
    times: int
    returned: Array
    altered: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """The calls on tables in order and out of it, and the means of two real estimates."""

    handed: tuple[Handed, ...]
    leaking: float
    honest: float


def gather(shuffled_estimates: object) -> Evidence:
    """Hand over estimates that write down what they get, then a leaking and an honest one."""
    sorted_labels = np.arange(ROWS) * 4 // ROWS  # rolling these would leave most at their row
    mixed = np.random.default_rng(SEED).integers(0, 4, ROWS)
    handed = (
        _handed(shuffled_estimates, "a table sorted by label", sorted_labels, TIMES[0]),
        _handed(shuffled_estimates, "a table in no order", mixed, TIMES[1]),
    )
    x = np.random.default_rng(SEED).normal(size=(60, 500))
    y = np.arange(60) % 2
    means = [
        float(_returned(shuffled_estimates, estimate, x, y, TIMES[0])[0].mean())
        for estimate in (_leaking, _honest)
    ]
    return Evidence(handed=handed, leaking=means[0], honest=means[1])


def labels_are_all_there(evidence: Evidence) -> str | None:
    """Each label as often as before, each row once."""
    for one in evidence.handed:
        if not one.pairs:
            return f"On {one.name}, estimate was never called."
        if not all(one.counted):
            return (
                f"On {one.name}, call {one.counted.index(False) + 1} of estimate got other labels, "
                "or other rows, than there are."
            )
    return None


def labels_are_shuffled(evidence: Evidence) -> str | None:
    """No more labels are still at their row than chance leaves there."""
    for one in evidence.handed:
        for number, labels in enumerate(one.pairs, start=1):
            kept = float((labels == one.y).mean())
            if kept == 1 and len(one.pairs) > one.times:
                return (
                    f"On {one.name}, call {number} of estimate got the true labels; expected "
                    f"{one.times} calls, each with shuffled ones."
                )
            if kept > MOST_KEPT:
                return (
                    f"On {one.name}, {kept:.0%} of the labels still belong to their row in call "
                    f"{number} of estimate; shuffled, a quarter do."
                )
    return None


def each_time_anew(evidence: Evidence) -> str | None:
    """No two calls get the same labels."""
    for one in evidence.handed:
        if len({labels.tobytes() for labels in one.pairs}) < len(one.pairs):
            return f"On {one.name}, two calls of estimate got the labels in the same order."
    return None


def answers_come_back(evidence: Evidence) -> str | None:
    """What estimate said of shuffled labels is what comes back."""
    for one in evidence.handed:
        said = np.isclose(one.returned[:, None], np.array(one.said), rtol=0, atol=SAME)
        strange = one.returned[~said.any(axis=1)]
        if len(strange):
            return (
                f"On {one.name}, {two_digits(strange[0])} came back, which estimate never said of "
                "shuffled labels."
            )
        if len(one.said) != one.times:
            return (
                f"With times={one.times}, estimate was called {len(one.said)} times; expected "
                f"{one.times}."
            )
        if not np.allclose(np.sort(one.returned), np.sort(one.said), rtol=0, atol=SAME):
            return (
                f"On {one.name}, the {one.times} numbers that came back are not the ones that the "
                f"{one.times} calls of estimate gave, one for each."
            )
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """The table is as it was."""
    for one in evidence.handed:
        if one.altered:
            return f"On {one.name}, {' and '.join(one.altered)} changed in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        "Measured by your function on two classes of chance, where guessing is right on 0.5: with "
        f"columns chosen before the split the mean is {evidence.leaking:.1f}, with a pipeline "
        f"{evidence.honest:.1f}."
    )


check_shuffled_estimates = Check(
    task="Task 2",
    takes=("shuffled_estimates",),
    gather=gather,
    clauses=(
        Clause(
            name="counts",
            test=labels_are_all_there,
            hint="Shuffling gives the same labels in another order, and leaves the rows alone.",
        ),
        Clause(
            name="shuffled",
            test=labels_are_shuffled,
            hint="Rows and labels must part company: shuffle one of them, not both alike.",
        ),
        Clause(
            name="anew",
            test=each_time_anew,
            hint="Permute anew in each turn. Make the generator once, before the loop: inside it, "
            "it would start afresh each time.",
        ),
        Clause(
            name="answers",
            test=answers_come_back,
            hint="One call of estimate for each number that comes back, and the number as it is.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="np.random.shuffle works in place. A permutation is a new array.",
        ),
    ),
    verified=verified,
    hints=(
        "What has to change from call to call, and what has to stay?",
        "Print y[:10] and the first ten shuffled labels, of two calls. The lesson's last cell, 'On "
        "your own model', has such a line.",
        "Make one generator, np.random.default_rng(0), before the loop; in each turn call "
        "estimate(x, generator.permutation(y)).",
    ),
)


def _handed(answer: object, name: str, y: Numbers, times: int) -> Handed:
    """One answer, and what the estimate was given by it."""
    seen: list[tuple[Array, Numbers]] = []
    said: list[float] = []

    def estimate(x: Array, labels: Numbers) -> float:
        seen.append((np.array(x, dtype=float), np.array(labels)))
        said.append(0.5 + 0.01 * len(said))
        return said[-1]

    x = _rows_with_names(ROWS)
    returned, altered = _returned(answer, estimate, x, y, times)
    matched = [_matched(rows, labels, y) for rows, labels in seen]
    return Handed(
        name=name, y=y, pairs=tuple(pairs for pairs, _ in matched),
        counted=tuple(counted for _, counted in matched), said=tuple(said), times=times,
        returned=returned, altered=altered,
    )  # fmt: skip


def _rows_with_names(number: int) -> Array:
    """Two columns that name the row: matched with labels, and with each other.

    >>> _rows_with_names(3).tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, 4.0]]
    """
    return np.stack([np.arange(number), np.arange(number) ** 2], axis=1).astype(np.float64)


def _matched(rows: Array, labels: Numbers, y: Numbers) -> tuple[Numbers, bool]:
    """The label that came with each row in the order of y; and whether all are there."""
    if rows.shape != (len(y), 2) or labels.shape != y.shape:
        return np.full_like(y, -1), False  # of no row
    order = rows[:, 0].argsort(kind="stable")
    whole = np.array_equal(rows[order], _rows_with_names(len(y)))
    return labels[order], bool(whole and np.array_equal(np.sort(labels), np.sort(y)))


def _returned(
    answer: object, estimate: Callable[..., float], x: Array, y: Numbers, times: int
) -> tuple[Array, tuple[str, ...]]:
    """One call of the answer: its numbers, and what it changed in place."""
    arguments = {"estimate": estimate, "x": x, "y": y, "times": times}
    outcome = call(answer, arguments, name="shuffled_estimates")
    source = f"With times={times}, shuffled_estimates"
    return as_array(outcome.result, shape=(times,), source=source), outcome.altered


def _leaking(x: Array, y: Numbers) -> float:
    """Columns chosen by all rows, then cross-validation."""
    chosen = SelectKBest(k=KEPT).fit(x, y).transform(x)
    return float(cross_val_score(NearestCentroid(), chosen, y).mean())


def _honest(x: Array, y: Numbers) -> float:
    """Columns chosen anew by the training rows of each fold."""
    pipeline = make_pipeline(SelectKBest(k=KEPT), NearestCentroid())
    return float(cross_val_score(pipeline, x, y).mean())
