"""The checks of exercise 10, one a task."""

from coursekit.checks.capacity_and_overfitting.by_lot import check_by_lot
from coursekit.checks.capacity_and_overfitting.diagnose import check_diagnose
from coursekit.checks.capacity_and_overfitting.silence import check_silence
from coursekit.checks.capacity_and_overfitting.stop_early import check_stop_early

__all__ = ["check_by_lot", "check_diagnose", "check_silence", "check_stop_early"]
