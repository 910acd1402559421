"""A check-up: the checklist as one routine around a loop of your own."""

from coursekit.training.checkup.examine import check_up
from coursekit.training.checkup.lines import CheckUp, Line

__all__ = ["CheckUp", "Line", "check_up"]
