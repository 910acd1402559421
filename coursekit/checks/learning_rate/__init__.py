"""The checks of exercise 03, one a task."""

from coursekit.checks.learning_rate.descend import check_descend
from coursekit.checks.learning_rate.diagnose import check_diagnose
from coursekit.checks.learning_rate.pick_rate import check_pick_rate
from coursekit.checks.learning_rate.step_ratio import check_step_ratio

__all__ = ["check_descend", "check_diagnose", "check_pick_rate", "check_step_ratio"]
