"""Numbers for a reader."""

import math


def two_digits(value: float) -> str:
    """A measurement in two digits, or in words where there is no number.

    >>> two_digits(0.98148), two_digits(1078), two_digits(6.6e-9), two_digits(float("inf"))
    ('0.98', '1,100', '6.6e-09', 'not a number')
    """
    if not math.isfinite(value):
        return "nothing to measure" if math.isnan(value) else "not a number"
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:.2g}"


def whole(value: float) -> str:
    """A count.

    >>> whole(1080.0)
    '1,080'
    """
    return f"{value:,.0f}"


def cell(value: float) -> str:
    """As `two_digits`, short enough for a column of a table.

    >>> cell(0.98148), cell(float("inf")), cell(float("nan"))
    ('0.98', 'no number', 'none')
    """
    if not math.isfinite(value):
        return "none" if math.isnan(value) else "no number"
    return two_digits(value)
