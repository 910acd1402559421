"""The checks of exercise 15, one a task."""

from coursekit.checks.the_procedure.first_off import check_first_off
from coursekit.checks.the_procedure.keeps_old import check_keeps_old
from coursekit.checks.the_procedure.parts import check_parts
from coursekit.checks.the_procedure.stands_still import check_stands_still

__all__ = ["check_first_off", "check_keeps_old", "check_parts", "check_stands_still"]
