"""The checks of exercise 14, one a task."""

from coursekit.checks.precision_and_devices.diagnose import check_diagnose
from coursekit.checks.precision_and_devices.lost import check_lost
from coursekit.checks.precision_and_devices.scaled_step import check_scaled_step
from coursekit.checks.precision_and_devices.steady_sum import check_steady_sum

__all__ = ["check_diagnose", "check_lost", "check_scaled_step", "check_steady_sum"]
