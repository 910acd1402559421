"""The checks of exercise 13, one a task."""

from coursekit.checks.optimizers_and_schedules.decaying_step import check_decaying_step
from coursekit.checks.optimizers_and_schedules.diagnose import check_diagnose
from coursekit.checks.optimizers_and_schedules.planned_rates import check_planned_rates
from coursekit.checks.optimizers_and_schedules.pulls import check_pulls

__all__ = ["check_decaying_step", "check_diagnose", "check_planned_rates", "check_pulls"]
