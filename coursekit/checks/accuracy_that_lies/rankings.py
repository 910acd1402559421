"""Rows with a probability each, and what a threshold makes of them: tasks 2 and 4 stand on it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

SEED = 109


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """Test rows, each with the probability that a network gives to what is looked for.

    Attributes:
        name: What messages call it.
        p: The probabilities, shape (rows,).
        y: 1 for a row that is looked for, else 0; shape (rows,).
    """

    name: str
    p: Array
    y: Labels

    def recall(self, threshold: float) -> float:
        """Share of the rows with label 1 that get more than the threshold."""
        return float((self.p[self.y == 1] > threshold).mean())

    def false_alarm(self, threshold: float) -> float:
        """Share of the rows with label 0 that get more than the threshold."""
        return float((self.p[self.y == 0] > threshold).mean())

    def precision(self, threshold: float, share: float) -> float:
        """Share of the alarms that are right where so many rows in use have label 1.

        Args:
            threshold: Above it is an alarm.
            share: Share of the rows in use that have label 1.

        Returns:
            0.0 where there is no alarm.

        >>> twelve().precision(0.5, 1 / 3)  # two right alarms and a wrong one
        0.6666666666666666
        """
        right = share * self.recall(threshold)
        wrong = (1 - share) * self.false_alarm(threshold)
        return right / (right + wrong) if right + wrong else 0.0


def twelve() -> Ranking:
    """Twelve rows, to be counted by hand.

    >>> twelve().recall(0.5), twelve().false_alarm(0.5)
    (0.5, 0.125)
    """
    sixes, others = [0.9, 0.8, 0.4, 0.2], [0.7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    return _mixed("twelve rows", sixes, others)


def unsure() -> Ranking:
    """A network as in the lesson: it ranks well, and gives no row more than 0.2."""
    toss = np.random.default_rng(SEED)
    return _mixed("an unsure network", toss.beta(4, 50, 40), toss.beta(1, 60, 360))


def sure() -> Ranking:
    """A network that was trained with weights: most probabilities are near 0 or 1."""
    toss = np.random.default_rng(SEED + 1)
    return _mixed("a network trained with weights", toss.beta(3, 1, 40), toss.beta(0.3, 3, 360))


def the_same() -> Ranking:
    """A network that has learnt nothing: whatever costs less, to call all rows or none, is best."""
    return _mixed("a network that gives every row 0.3", np.full(10, 0.3), np.full(90, 0.3))


def _mixed(name: str, sixes: npt.ArrayLike, others: npt.ArrayLike) -> Ranking:
    """Both kinds of rows in mixed order, three digits each."""
    p = np.append(np.asarray(sixes), np.asarray(others)).round(3).clip(0.001, 0.999)
    y = np.repeat(np.array([1, 0], dtype=np.int64), [np.size(sixes), np.size(others)])
    order = np.random.default_rng(SEED).permutation(len(y))
    return Ranking(name=name, p=p[order], y=y[order])
