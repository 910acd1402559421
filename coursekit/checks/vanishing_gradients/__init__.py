"""The checks of exercise 04, one a task."""

from coursekit.checks.vanishing_gradients.deep_network import check_deep_network
from coursekit.checks.vanishing_gradients.diagnose import check_diagnose
from coursekit.checks.vanishing_gradients.fill import check_fill
from coursekit.checks.vanishing_gradients.gradient_norms import check_gradient_norms

__all__ = ["check_deep_network", "check_diagnose", "check_fill", "check_gradient_norms"]
