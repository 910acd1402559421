"""Measures columns of rows: how uneven their spreads are, how far two sets of rows lie apart."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit.checks.diagnosing import Cause, R
from coursekit.checks.wording import two_digits

Rows = npt.NDArray[np.floating[Any]]

LEAST = 1e-12  # a spread of zero, as of a pixel that is never used, divides nothing by zero


def unevenness(rows: Rows) -> float:
    """Standard deviation of the widest column over that of the middle one.

    Args:
        rows: Shape (rows, columns).

    >>> unevenness(np.array([[0.0, 0, 0], [1, 2, 50]]))
    25.0
    """
    deviations = rows.std(axis=0)  # (columns,)
    return float(deviations.max() / max(float(np.median(deviations)), LEAST))


def largest_shift(rows: Rows, others: Rows) -> float:
    """Largest gap between the means of a column in two sets of rows, in standard deviations.

    Args:
        rows: Shape (rows, columns); the deviations are those of these.
        others: Shape (other rows, columns).

    >>> largest_shift(np.array([[0.0, 0], [2, 2]]), np.array([[1.0, 4]]))
    3.0
    """
    gaps = np.abs(rows.mean(axis=0) - others.mean(axis=0))  # (columns,)
    return float((gaps / np.maximum(rows.std(axis=0), LEAST)).max())


def uneven_inputs(*, above: float) -> Cause[R]:
    """The cause that columns of very different spread enter the network.

    Args:
        above: The unevenness from which on it holds.
    """
    return Cause(
        holds=lambda run: unevenness(run.rows) > above,
        measured=lambda run: (
            "the standard deviation of the widest input is "
            f"{two_digits(unevenness(run.rows))} times that of the middle one"
        ),
    )


def uneven_columns(reaching: Callable[[R], Rows], *, above: float) -> Cause[R]:
    """The cause that columns of very different spread reach the first Linear layer.

    Args:
        reaching: The training rows of a run as they reach it, shape (rows, columns).
        above: The unevenness from which on it holds.

    >>> cause = uneven_columns(lambda rows: rows, above=100.0)
    >>> cause.holds(np.array([[0.0, 0, 0], [1, 2, 50]]))
    False
    """
    return Cause(
        holds=lambda run: unevenness(reaching(run)) > above,
        measured=lambda run: (
            "at the first Linear layer, the standard deviation of the widest "
            f"column is {two_digits(unevenness(reaching(run)))} times that of the middle one"
        ),
    )
