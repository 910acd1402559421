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


def counted(value: float, thing: str) -> str:
    """A count of things.

    >>> counted(1.0, "layer"), counted(1080.0, "row")
    ('1 layer', '1,080 rows')
    """
    return f"{whole(value)} {thing}" + ("" if value == 1 else "s")


def tick(value: float) -> str:
    """A number beside an axis: as short as it can be, and as exact as a mark there has to be.

    >>> tick(1e-4), tick(2.5e-6), tick(1.8e6), tick(0.045), tick(1250), tick(0)
    ('1e-4', '2.5e-6', '1.8e6', '0.045', '1,250', '0')
    """
    if value and not 1e-3 <= abs(value) < 1e5:
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{float(f'{value:.3g}'):,.6g}"


def cell(value: float) -> str:
    """As `two_digits`, short enough for a column of a table.

    >>> cell(0.98148), cell(float("inf")), cell(float("nan"))
    ('0.98', 'no number', 'none')
    """
    if not math.isfinite(value):
        return "none" if math.isnan(value) else "no number"
    return two_digits(value)
