"""Every case on a GPU: it is built there, trained for one epoch, and its score comes back."""

import pytest
import torch

from coursekit.cases import CASES
from coursekit.cases.case import Case


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is visible here")
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.kind != "raises"], ids=lambda case: case.name
)
def test_its_score_is_a_number(case: Case) -> None:
    """Of the broken form and of the fixed one; what raises would end the GPU's process."""
    for recipe in (case.broken, case.fixed):
        setup = recipe.build(0, "cuda")
        next(iter(recipe.train(setup)))
        assert all(isinstance(score, float) for score in recipe.evaluate(setup).values())
