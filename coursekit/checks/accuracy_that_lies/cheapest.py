"""The optional task: ``cheapest(p, y, share, missed, alarm)``: the threshold that costs least."""

from dataclasses import dataclass

import numpy as np

from coursekit.checks.accuracy_that_lies.rankings import Ranking, sure, the_same, twelve, unsure
from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart, two_digits

TOLERANCE = 0.01  # of the least cost


@dataclass(frozen=True, kw_only=True)
class Price:
    """Rows, how rare in use is what is looked for, and what each error costs.

    Attributes:
        rows: Test rows with their probabilities.
        share: Share of the rows in use that have label 1.
        missed: Cost of a row with label 1 that is not called.
        alarm: Cost of a row with label 0 that is called.
    """

    rows: Ranking
    share: float
    missed: float
    alarm: float

    @property
    def name(self) -> str:
        """What messages call it."""
        return (
            f"{self.rows.name} (share in use {two_digits(self.share)}, a miss costs "
            f"{self.missed:g}, a false alarm {self.alarm:g})"
        )

    @property
    def as_tested(self) -> bool:
        """Whether the share in use is that of the test rows."""
        return bool(abs(self.share - self.rows.y.mean()) < 1e-9)

    def cost(self, threshold: float) -> float:
        """What 1000 rows in use cost at a threshold."""
        missed = self.share * (1 - self.rows.recall(threshold)) * self.missed
        alarms = (1 - self.share) * self.rows.false_alarm(threshold) * self.alarm
        return 1000 * (missed + alarms)

    def least(self) -> float:
        """What they cost at the best threshold: below all probabilities, or at one of them."""
        return min(self.cost(at) for at in (-1.0, *np.unique(self.rows.p)))


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What an answer gave for one price."""

    price: Price
    threshold: float
    altered: tuple[str, ...]


Evidence = tuple[Chosen, ...]


def prices() -> tuple[Price, ...]:
    """First those in which the share in use is that of the test rows.

    >>> [round(price.least()) for price in prices()]
    [83, 83, 38, 82, 15, 153, 7, 80, 900, 100]
    """
    few, low, high, flat = twelve(), unsure(), sure(), the_same()
    asked = (
        (few, 1 / 3, 5.0, 1.0), (few, 1 / 3, 1.0, 1.0), (low, 0.1, 1.0, 1.0), (low, 0.1, 1.0, 1e4),
        (low, 0.001, 20.0, 1.0), (low, 0.001, 1000.0, 1.0), (high, 0.01, 1.0, 1.0),
        (high, 0.01, 50.0, 1.0), (flat, 0.1, 100.0, 1.0), (flat, 0.1, 1.0, 1.0),
    )  # fmt: skip
    return tuple(
        Price(rows=rows, share=share, missed=missed, alarm=alarm)
        for rows, share, missed, alarm in asked
    )


def gather(cheapest: object) -> Evidence:
    """Ask for a threshold at each price."""
    return tuple(_chosen(cheapest, price) for price in prices())


def cheap_as_tested(evidence: Evidence) -> str | None:
    """Least cost where use is like the test rows."""
    return _too_dear([one for one in evidence if one.price.as_tested])


def cheap_in_use(evidence: Evidence) -> str | None:
    """Least cost where use has another share."""
    return _too_dear([one for one in evidence if not one.price.as_tested])


def nothing_changes(evidence: Evidence) -> str | None:
    """The rows are as they were."""
    changed = [one for one in evidence if one.altered]
    if not changed:
        return None
    return f"On {changed[0].price.name}, cheapest changed {' and '.join(changed[0].altered)}."


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    low, high = (two_digits(evidence[place].threshold) for place in (5, 3))
    return (
        f"At {len(evidence)} prices, no threshold costs less than yours. Of the unsure network, it "
        f"is {low} where misses cost most, and {high} where false alarms do."
    )


check_cheapest = Check(
    task="The optional task",
    takes=("cheapest",),
    gather=gather,
    clauses=(
        Clause(
            name="cost",
            test=cheap_as_tested,
            hint="Work out the cost of every threshold that could matter, and take the least. To "
            "call no row at all, or every row, can be cheapest too. A formula from the costs "
            "alone needs calibrated p.",
        ),
        Clause(
            name="share",
            test=cheap_in_use,
            hint="Misses come from the share of the rows with label 1 in use, false alarms from "
            "all others. The test rows have another share.",
        ),
        Clause(
            name="changes",
            test=nothing_changes,
            hint="A choice leaves the rows as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "Between two neighbouring probabilities, every threshold gives the same answers. How many "
        "thresholds are left to try?",
        "At one threshold, print the share of missed rows among label 1, and of called rows among "
        "label 0; then weigh each with its share in use and its cost.",
        "For at in [-1, *np.unique(p)]: share * missed * (p[y == 1] <= at).mean() + (1 - share) * "
        "alarm * (p[y == 0] > at).mean(). Give back the at with the least.",
    ),
)


def _chosen(cheapest: object, price: Price) -> Chosen:
    """One call."""
    arguments = {
        "p": price.rows.p, "y": price.rows.y, "share": price.share, "missed": price.missed,
        "alarm": price.alarm,
    }  # fmt: skip
    outcome = call(cheapest, arguments, name="cheapest")
    source = f"On {price.name}, cheapest"
    threshold = as_array(outcome.result, shape=(), source=source, finite=False)
    return Chosen(price=price, threshold=float(threshold), altered=outcome.altered)


def _too_dear(chosen: list[Chosen]) -> str | None:
    """A sentence on the first threshold that costs more than it must."""
    for one in chosen:
        cost, least = one.price.cost(one.threshold), one.price.least()
        if cost > least * (1 + TOLERANCE):
            seen, best = told_apart(cost, least)
            return (
                f"On {one.price.name}, 1000 rows in use cost {seen} at your threshold of "
                f"{two_digits(one.threshold)}, and {best} at the best one."
            )
    return None
