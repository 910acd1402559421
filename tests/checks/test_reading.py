"""What comes back is numbers of the right shape, or one clear sentence."""

import numpy as np
import pytest
import torch

from coursekit.checks.reading import as_array, as_fraction
from coursekit.checks.verdicts import CheckFailed


@pytest.mark.parametrize(
    "value",
    [[1, 2], (1.0, 2.0), np.array([1, 2]), torch.tensor([1, 2]),
     torch.tensor([1.0, 2.0], requires_grad=True), [torch.tensor(1.0), torch.tensor(2.0)],
     (torch.tensor(1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)),
     [torch.tensor(1.0, requires_grad=True), 2], [np.float32(1), torch.tensor(2)],
     torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
     [torch.tensor(1.0, dtype=torch.bfloat16, requires_grad=True), torch.tensor(2.0)]],
)  # fmt: skip
def test_numbers_in_any_dress(value: object) -> None:
    assert as_array(value, shape=(2,), source="f").tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "f returned None; expected numbers of shape (2,). Is the return missing?"),
        ("ab", "f returned the text 'ab'; expected numbers of shape (2,)."),
        (["a", "b"], "f returned a list; expected numbers of shape (2,)."),
        ([[1], [1, 2]], "f returned a list; expected numbers of shape (2,)."),
        ({"a": 1}, "f returned a dict; expected numbers of shape (2,)."),
        (np.zeros((2, 1)), "f returned numbers of shape (2, 1); expected numbers of shape (2,)."),
        (
            torch.zeros(2).to_sparse(),
            "f returned a sparse tensor; expected numbers of shape (2,).",
        ),
        (
            torch.zeros(2, device="meta"),
            "f returned a meta tensor; expected numbers of shape (2,).",
        ),
        (
            torch.zeros(2, dtype=torch.complex64),
            "f returned a complex tensor; expected numbers of shape (2,).",
        ),
        (
            [np.nan, 1.0],
            "f returned 1 values of 2 that are NaN or infinite; expected finite numbers. Look for "
            "a division by zero, or a logarithm of zero.",
        ),
    ],
)
def test_anything_else_is_said(value: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        as_array(value, shape=(2,), source="f")
    assert str(failed.value) == text


def test_a_fraction() -> None:
    assert as_fraction(torch.tensor(0.5), source="f") == 0.5
    with pytest.raises(
        CheckFailed, match=r"^f returned 56; expected a fraction between 0 and 1\.$"
    ):
        as_fraction(56.0, source="f")
