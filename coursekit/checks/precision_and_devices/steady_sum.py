"""The optional task: ``steady_sum(numbers)``: the same sum in every order."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array

Numbers = npt.NDArray[np.float32]

SEED = 114
COUNT = 2000
ORDERS = 12
TOLERANCE = 1e-6  # of the sum; a float32 has 1e-7


@dataclass(frozen=True, kw_only=True)
class Summed:
    """The sums of the same numbers in several orders.

    Attributes:
        name: What messages call the numbers.
        right: Their sum, to the last bit of a float64.
        seen: What came back for each order, rounded to float32.
        altered: Whether the numbers were changed.
    """

    name: str
    right: float
    seen: tuple[float, ...]
    altered: bool


Evidence = tuple[Summed, ...]


def tables() -> dict[str, Numbers]:
    """Numbers to add: ordinary ones, and such that cancel.

    >>> [float(math.fsum(numbers.tolist())) > 0 for numbers in tables().values()]
    [True, True]
    """
    random = np.random.default_rng(SEED)
    return {
        f"{COUNT} numbers between 0 and 1": random.random(COUNT, dtype=np.float32),
        "1e20, -1e20, 500 and 500": np.array([1e20, -1e20, 500, 500], dtype=np.float32),
    }


def gather(steady_sum: Callable[..., Any]) -> Evidence:
    """Add the same numbers in several orders."""
    return tuple(_summed(steady_sum, name, numbers) for name, numbers in tables().items())


def every_order_gives_the_same(evidence: Evidence) -> str | None:
    """One sum, whatever the order."""
    for one in evidence:
        lowest, highest = min(one.seen), max(one.seen)
        if lowest != highest:
            return (
                f"For {one.name} in {ORDERS} orders, your sums lie between {lowest:.9g} and "
                f"{highest:.9g}."
            )
    return None


def a_sum_is_whole(evidence: Evidence) -> str | None:
    """The ordinary numbers, in the order in which they come."""
    return _wrong(evidence[0])


def what_cancels_leaves_the_rest(evidence: Evidence) -> str | None:
    """The numbers that nearly all cancel, in the order in which they come."""
    return _wrong(evidence[1])


def numbers_stay(evidence: Evidence) -> str | None:
    """The numbers are as they were."""
    changed = [one.name for one in evidence if one.altered]
    return f"Of {changed[0]}, your sum changed the array that it was given." if changed else None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"{evidence[0].name} have one sum in {ORDERS} orders, {evidence[0].seen[0]:.2f}, and "
        "where nearly all cancels the rest is right."
    )


check_steady_sum = Check(
    task="The optional task",
    takes=("steady_sum",),
    gather=gather,
    clauses=(
        Clause(
            name="right",
            test=a_sum_is_whole,
            hint="A float32 holds seven digits: add with more than that, and round nothing "
            "yourself.",
        ),
        Clause(
            name="cancel",
            test=what_cancels_leaves_the_rest,
            hint="Next to 1e20 a running sum has lost the 500, in float64 too, and sorting does "
            "not help. What keeps all digits to the end?",
        ),
        Clause(
            name="order",
            test=every_order_gives_the_same,
            hint="Each addition rounds, in float64 too. What rounds only once, at the end?",
        ),
        Clause(
            name="changes",
            test=numbers_stay,
            hint="A sum leaves its numbers as it found them: numbers.sort() sorts in place.",
        ),
    ),
    verified=verified,
    hints=(
        "Each addition rounds, in float64 too. What rounds only once?",
        "Add 1e20, 500 and -1e20 in two orders: with numpy in float64, and with math.fsum.",
        "math.fsum rounds once, at the end: np.float32(math.fsum(numbers.tolist())).",
    ),
)


def _wrong(one: Summed) -> str | None:
    """A sentence on a sum that is not the right one."""
    if abs(one.seen[0] - one.right) <= TOLERANCE * one.right:
        return None
    return f"For {one.name}, your sum is {one.seen[0]:.9g}; expected {one.right:.9g}."


def _summed(steady_sum: Callable[..., Any], name: str, numbers: Numbers) -> Summed:
    """The sums of the answer, the first in the order in which the numbers come."""
    random = np.random.default_rng(SEED)
    orders = [
        np.arange(len(numbers)),
        *(random.permutation(len(numbers)) for _ in range(ORDERS - 1)),
    ]
    calls = [call(steady_sum, {"numbers": numbers[order]}, name="steady_sum") for order in orders]
    source = f"For {name}, steady_sum"
    sums = [as_array(one.result, shape=(), source=source, finite=False) for one in calls]
    return Summed(
        name=name,
        right=math.fsum(numbers.tolist()),
        seen=tuple(float(np.float32(one)) for one in sums),
        altered=any(one.altered for one in calls),
    )
