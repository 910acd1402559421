"""The checks of the exercises: each runs the learner's function and judges what it does.

- `NotAnswered`: what the body of a blank raises until somebody writes an answer.
- `CheckFailed`: an answer that does not pass; it says what was seen, and a first hint.
- `Check`, `Clause`: what a check is made of.

The checks of a lesson stand in a package of its name: ``coursekit.checks.unscaled_features``.
"""

from coursekit.checks.check import Check, Clause
from coursekit.checks.verdicts import CheckFailed, NotAnswered

__all__ = ["Check", "CheckFailed", "Clause", "NotAnswered"]
