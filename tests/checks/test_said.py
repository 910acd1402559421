"""What a diagnosis says, with numbers as one looks them up in a table."""

from typing import Any

import numpy as np
import pytest

from coursekit.checks import CheckFailed
from coursekit.checks.said import real_changes


def script(seed: int, *, lr: float = 0.1, epochs: int = 8, shuffle: bool = False) -> None:
    """Takes numbers and a truth value."""


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"epochs": np.int64(9)}, {"epochs": 9}),
        ({"epochs": np.int64(8)}, {}),
        ({"lr": np.float32(0.5)}, {"lr": 0.5}),
        ({"lr": np.float64(0.1)}, {}),
        ({"shuffle": np.bool_(True)}, {"shuffle": True}),
    ],
)
def test_numbers_of_numpy_are_read_as_those_of_python(
    given: dict[str, Any], read: dict[str, Any]
) -> None:
    seen = real_changes(script, given, limits={})
    assert seen == read
    assert [type(value) for value in seen.values()] == [type(value) for value in read.values()]


def test_they_are_within_limits_too() -> None:
    with pytest.raises(CheckFailed, match=r"epochs=90 was not run: the check runs 1 to 60\."):
        real_changes(script, {"epochs": np.int64(90)}, limits={"epochs": (1, 60)})


def test_a_truth_value_is_no_number() -> None:
    with pytest.raises(CheckFailed, match=r"lr got a bool; expected a number\."):
        real_changes(script, {"lr": np.bool_(True)}, limits={}, numbers_only=True)
