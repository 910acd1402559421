"""The checks of exercise 05, one a task."""

from coursekit.checks.wrong_loss.diagnose import check_diagnose
from coursekit.checks.wrong_loss.squared_error import check_squared_error
from coursekit.checks.wrong_loss.two_numbers import check_two_numbers
from coursekit.checks.wrong_loss.wants import check_wants

__all__ = ["check_diagnose", "check_squared_error", "check_two_numbers", "check_wants"]
