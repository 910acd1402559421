"""The checks of exercise 07, one a task."""

from coursekit.checks.leakage.choose import check_choose
from coursekit.checks.leakage.diagnose import check_diagnose
from coursekit.checks.leakage.shuffled_estimates import check_shuffled_estimates
from coursekit.checks.leakage.split import check_split

__all__ = ["check_choose", "check_diagnose", "check_shuffled_estimates", "check_split"]
