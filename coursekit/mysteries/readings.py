"""One number of what is shown, with its words: what decides between two causes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from coursekit.mysteries.sheet import WHERE, Sheet

At = Literal["start", "end", "highest", "lowest"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """A number that a learner can read off the pictures or the table.

    Attributes:
        words: What is read, as the start of a sentence.
        of: Reads it; NaN where there is nothing to measure.
        panel: The small plot in which it is seen; "" where it stands in the table alone.
    """

    words: str
    of: Callable[[Sheet], float]
    panel: str = ""


def at(curve: str, where: At) -> Callable[[Sheet], float]:
    """A curve at its start or end, or its highest or lowest point."""

    def read(sheet: Sheet) -> float:
        points = sheet.curve(curve)
        if where in ("start", "end"):
            return float(points[0 if where == "start" else -1])
        finite = points[np.isfinite(points)]
        if not finite.size:
            return math.nan
        return float(finite.max() if where == "highest" else finite.min())

    return read


def number(name: str) -> Callable[[Sheet], float]:
    """One of the single numbers."""
    return lambda sheet: sheet.number(name)


def ratio(
    above: Callable[[Sheet], float], below: Callable[[Sheet], float]
) -> Callable[[Sheet], float]:
    """One number over another; NaN where one of them is not a number, or the other is zero."""

    def read(sheet: Sheet) -> float:
        top, bottom = above(sheet), below(sheet)
        if not (math.isfinite(top) and math.isfinite(bottom) and bottom):
            return math.nan
        return top / bottom

    return read


def gap(
    above: Callable[[Sheet], float], below: Callable[[Sheet], float]
) -> Callable[[Sheet], float]:
    """One number less another."""
    return lambda sheet: above(sheet) - below(sheet)


def shift(sheet: Sheet) -> float:
    """How far a third of the columns moved from training to use, in deviations of training."""
    moved = [sheet.number(f"mean_{w}_use") - sheet.number(f"mean_{w}_training") for w in WHERE]
    spreads = [sheet.number(f"third_{where}_training") for where in WHERE]
    return float(np.max(np.abs(moved) / spreads)) if all(spreads) else math.nan


def surer_than_right(sheet: Sheet) -> float:
    """The probability that the loss at the end stands for, less the share that is right.

    A cross-entropy of L gives the right answer exp(-L), in the geometric mean. A network that is
    the same in training and in evaluation has at least that share right, or nearly.
    """
    loss = float(sheet.curve("loss")[-1])
    return math.exp(-max(loss, 0.0)) - sheet.number("score_training")
