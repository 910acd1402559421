"""Marks that a submission cannot make for itself: each answer is checked in a fresh process.

- `mark`: check the answers of one notebook's cells, with limits of time and memory.
- `Recheck`: the step that puts those marks into ``nbgrader autograde``.

What this stops, and what it does not, stands in `coursekit.grading.guard`.
"""

from typing import TYPE_CHECKING, Any

from coursekit.grading.marking import Limits, Mark, mark

if TYPE_CHECKING:
    from coursekit.grading.recheck import Recheck

__all__ = ["Limits", "Mark", "Recheck", "mark"]


def __getattr__(name: str) -> Any:
    if name == "Recheck":  # needs nbgrader, which only an instructor has
        from coursekit.grading.recheck import Recheck

        return Recheck
    raise AttributeError(f"module 'coursekit.grading' has no attribute {name!r}")
