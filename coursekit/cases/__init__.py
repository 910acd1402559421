"""The catalogue: every documented failure as a case. `CASES` is the list, in lesson order."""

from coursekit.cases.case import Case
from coursekit.cases.data import unscaled_features
from coursekit.errors import unknown

CASES: tuple[Case, ...] = (unscaled_features.CASE,)


def get_case(name: str) -> Case:
    """The case of that name.

    Raises:
        UnknownNameError: There is no such case.

    >>> get_case("unscaled-features").family
    'data'
    """
    for case in CASES:
        if case.name == name:
            return case
    raise unknown("case", name, [case.name for case in CASES])
