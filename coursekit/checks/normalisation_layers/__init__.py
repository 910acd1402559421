"""The checks of exercise 11, one a task."""

from coursekit.checks.normalisation_layers.diagnose import check_diagnose
from coursekit.checks.normalisation_layers.fresh_averages import check_fresh_averages
from coursekit.checks.normalisation_layers.group_norm import check_group_norm
from coursekit.checks.normalisation_layers.swings import check_swings

__all__ = ["check_diagnose", "check_fresh_averages", "check_group_norm", "check_swings"]
