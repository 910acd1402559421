"""The checks of exercise 06, one a task."""

from coursekit.checks.broken_loop.diagnose import check_diagnose
from coursekit.checks.broken_loop.inherited import check_inherited
from coursekit.checks.broken_loop.step_in_parts import check_step_in_parts
from coursekit.checks.broken_loop.unmoved import check_unmoved

__all__ = ["check_diagnose", "check_inherited", "check_step_in_parts", "check_unmoved"]
