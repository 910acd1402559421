"""The checks of exercise 08, one a task."""

from coursekit.checks.missing_and_corrupted_data.began import check_began
from coursekit.checks.missing_and_corrupted_data.diagnose import check_diagnose
from coursekit.checks.missing_and_corrupted_data.doubtful import check_doubtful
from coursekit.checks.missing_and_corrupted_data.fill import check_fill

__all__ = ["check_began", "check_diagnose", "check_doubtful", "check_fill"]
