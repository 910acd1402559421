"""How messages name values and write numbers."""

import numpy as np
from torch import Tensor


def two_digits(number: float) -> str:
    """A number to two digits, without an exponent where it can be read without.

    >>> two_digits(603.2), two_digits(0.0123), two_digits(7.77e9)
    ('600', '0.012', '7.8e+09')
    """
    return _to(number, 2)


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Two numbers with so many digits, two at the least, that they read differently.

    >>> told_apart(2.41, 2.44), told_apart(0.8472, 0.85), told_apart(1.0, 1.0)
    (('2.41', '2.44'), ('0.847', '0.85'), ('1', '1'))
    """
    for digits in range(2, 8):
        seen, wanted = _to(one, digits), _to(other, digits)
        if seen != wanted:
            break
    return seen, wanted


def kind_of(value: object) -> str:
    """What a value is, in a learner's words.

    >>> kind_of(None), kind_of("abc"), kind_of(np.zeros((2, 3))), kind_of([1])
    ('None', "the text 'abc'", 'an array of shape (2, 3)', 'a list')
    """
    if value is None:
        return "None"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, np.ndarray | Tensor):
        return f"an array of shape {tuple(value.shape)}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _to(number: float, digits: int) -> str:
    """A number to so many digits, without an exponent where it can be read without."""
    return f"{float(f'{number:.{digits}g}'):g}"
