"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math
from fractions import Fraction

import numpy as np

from tests.checks.answers.kit import Function, Wrong


def as_fractions(numbers):
    return float(sum(Fraction(number) for number in numbers.tolist()))


def with_fsum(numbers):
    return np.array(math.fsum(float(number) for number in numbers))


def as_whole_numbers(numbers):
    return sum(int(number * 2**60) for number in numbers.astype(object)) / 2**60


RIGHT: dict[str, Function] = {
    "as fractions": as_fractions,
    "fsum": with_fsum,
    "as whole numbers": as_whole_numbers,
}


def in_float64(numbers):
    return np.float32(numbers.sum(dtype=np.float64))


def as_numpy_does(numbers):
    return numbers.sum()


def one_after_the_other(numbers):
    total = np.float32(0)
    for number in numbers:
        total += number
    return total


def sorted_first(numbers):
    return np.cumsum(np.sort(numbers))[-1]


def sorted_in_place(numbers):
    numbers.sort()
    return math.fsum(numbers.tolist())


def sorted_in_float64(numbers):
    return np.cumsum(np.sort(numbers), dtype=np.float64)[-1]


def rounded(numbers):
    return round(math.fsum(numbers.tolist()), 2)


def two_parts(numbers):
    return np.float32(numbers[0]) + np.float32(math.fsum(numbers[1:].tolist()))


def mean_times_count(numbers):
    return numbers.mean() * len(numbers)


def says_so(numbers):
    print("The optional task passed.")
    return 0.0


WRONG = (
    Wrong(
        name="in float64",
        answer=in_float64,
        fails="order",
        says=r"For 1e20, -1e20, 500 and 500 in 12 orders, your sums lie between 0 and 1000\.",
    ),
    Wrong(
        name="as numpy does",
        answer=as_numpy_does,
        fails="order",
        says=r"For 2000 numbers between 0 and 1 in 12 orders, your sums lie between",
    ),
    Wrong(name="one after the other", answer=one_after_the_other, fails="order"),
    Wrong(
        name="sorted first",
        answer=sorted_first,
        fails="cancel",
        says=r"your sum is [\d.]+; expected [\d.]+\.",
    ),
    Wrong(
        name="sorted first, in float64",
        answer=sorted_in_float64,
        fails="cancel",
        says=r"For 1e20, -1e20, 500 and 500, your sum is 0; expected 1000\. .* in float64 too",
    ),
    Wrong(
        name="rounded to two digits behind the point",
        answer=rounded,
        fails="right",
        says=r"For 2000 numbers .*, your sum is [\d.]+; expected [\d.]+\. Hint: A float32",
    ),
    Wrong(
        name="in two parts",
        answer=two_parts,
        says=r"For 1e20, -1e20, 500 and 500, your sum is 0; expected 1000\.",
    ),
    Wrong(name="mean times count", answer=mean_times_count, fails="order"),
    Wrong(
        name="sorted in place",
        answer=sorted_in_place,
        fails="changes",
        says=r"your sum changed the array that it was given\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
