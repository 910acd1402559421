"""The checks of exercise 12, one a task."""

from coursekit.checks.exploding_gradients.clipped_step import check_clipped_step
from coursekit.checks.exploding_gradients.diagnose import check_diagnose
from coursekit.checks.exploding_gradients.first_bad import check_first_bad
from coursekit.checks.exploding_gradients.gains import check_gains

__all__ = ["check_clipped_step", "check_diagnose", "check_first_bad", "check_gains"]
