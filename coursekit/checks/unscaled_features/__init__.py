"""The checks of exercise 01, one a task."""

from coursekit.checks.unscaled_features.diagnose import check_diagnose
from coursekit.checks.unscaled_features.fresh_accuracy import check_fresh_accuracy
from coursekit.checks.unscaled_features.gradient_share import check_gradient_share
from coursekit.checks.unscaled_features.prepare import check_prepare

__all__ = ["check_diagnose", "check_fresh_accuracy", "check_gradient_share", "check_prepare"]
