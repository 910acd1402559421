"""The checks of exercise 02, one a task."""

from coursekit.checks.mismatched_transforms.alarm import check_alarm
from coursekit.checks.mismatched_transforms.diagnose import check_diagnose
from coursekit.checks.mismatched_transforms.mismatch import check_mismatch
from coursekit.checks.mismatched_transforms.pack import check_pack

__all__ = ["check_alarm", "check_diagnose", "check_mismatch", "check_pack"]
