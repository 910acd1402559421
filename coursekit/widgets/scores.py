"""What a learner reads for the scores of a recipe. No widget and no torch here."""

import math
from collections.abc import Mapping
from typing import Literal

Quantity = Literal["accuracy", "loss"]
Rows = Literal["val", "test"]

_WORDS: Mapping[str, str] = {
    "estimate": "estimate on validation rows",
    "truth": "truth in use",
    "overestimate": "estimate minus truth",
    "recall": "recall in use",
    "test_r2": "R² on test rows",
    "test_over_train": "test loss over training loss",
}
# What a score may be the same number as. A case may mean another one by its estimate or its truth
# (balanced accuracy), so the numbers must agree too.
_MAY_BE: Mapping[str, tuple[Quantity, Rows]] = {
    "test_accuracy": ("accuracy", "test"),
    "test_loss": ("loss", "test"),
    "truth": ("accuracy", "test"),
    "estimate": ("accuracy", "val"),
}
_ROUNDING = 1e-6


def score_words(name: str) -> str:
    """The words for a score's name in code.

    >>> score_words("overestimate"), score_words("test_accuracy")
    ('estimate minus truth', 'test accuracy')
    """
    return _WORDS.get(name, name.replace("_", " "))


def same_number(
    scores: Mapping[str, float], watched: float, *, quantity: Quantity, rows: Rows
) -> bool:
    """Whether a recipe's score is the one that is watched, under another name.

    >>> same_number({"truth": 0.5}, 0.5, quantity="accuracy", rows="test")
    True
    >>> same_number({"truth": 0.5}, 0.9, quantity="accuracy", rows="test")
    False
    """
    return any(
        _MAY_BE.get(name) == (quantity, rows)
        and (math.isclose(value, watched, rel_tol=_ROUNDING) or math.isnan(value + watched))
        for name, value in scores.items()
    )
