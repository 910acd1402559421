"""The checks of exercise 09, one a task."""

from coursekit.checks.accuracy_that_lies.cheapest import check_cheapest
from coursekit.checks.accuracy_that_lies.diagnose import check_diagnose
from coursekit.checks.accuracy_that_lies.in_use import check_in_use
from coursekit.checks.accuracy_that_lies.weigh import check_weigh

__all__ = ["check_cheapest", "check_diagnose", "check_in_use", "check_weigh"]
