"""Marks that a submission's kernel does not make: the answers are checked in a fresh process.

- `mark`: check the answers of one notebook's cells, with limits of time and memory.
- `ExecuteSubmission`: the step of ``nbgrader autograde`` that runs a submission for its feedback.
- `Recheck`: the step that puts those marks in.

What this stops, and what it does not, stands in `coursekit.grading.guard`. The kernel runs under
the account of whoever marks, and nothing here holds it back.
"""

from typing import TYPE_CHECKING, Any

from coursekit.grading.marking import Limits, Mark, mark

if TYPE_CHECKING:
    from coursekit.grading.execute import ExecuteSubmission
    from coursekit.grading.recheck import Recheck

__all__ = ["ExecuteSubmission", "Limits", "Mark", "Recheck", "mark"]


def __getattr__(name: str) -> Any:
    # Both need nbgrader, which only an instructor has.
    if name == "ExecuteSubmission":
        from coursekit.grading.execute import ExecuteSubmission

        return ExecuteSubmission
    if name == "Recheck":
        from coursekit.grading.recheck import Recheck

        return Recheck
    raise AttributeError(f"module 'coursekit.grading' has no attribute {name!r}")
