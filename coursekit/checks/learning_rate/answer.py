"""Reads the answer to a diagnosis: a letter, and the keywords that it would change."""

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of
from coursekit.errors import unknown

Limits = Mapping[str, tuple[float, float]]


def letter_and_change(value: object, letters: Collection[str]) -> tuple[str, Mapping[str, Any]]:
    """The letter and the change.

    Args:
        value: What ``diagnose`` returned.
        letters: The letters that there are.

    Raises:
        CheckFailed: It is no such pair; the message says what came.

    >>> letter_and_change((" b", {}), "ABC")
    ('B', {})
    """
    expected = 'a letter and a dictionary, such as ("A", {"lr": 0.01})'
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise CheckFailed(f"diagnose returned {kind_of(value)}; expected {expected}.")
    letter, change = value
    if not isinstance(letter, str) or letter.strip().upper() not in letters:
        raise CheckFailed(
            f"diagnose returned {kind_of(letter)} as the letter; expected one of "
            f"{', '.join(letters)}."
        )
    if not isinstance(change, Mapping):
        raise CheckFailed(
            f"diagnose returned {kind_of(change)} as the change; expected a dictionary of one "
            "keyword and its value, or {} where nothing needs a change."
        )
    return letter.strip().upper(), change


def changes(
    experiment: Callable[..., Any], change: Mapping[str, Any], *, limits: Limits
) -> dict[str, Any]:
    """The part of a change that differs from the script's own values.

    Args:
        experiment: The script.
        change: Keyword and value.
        limits: Least and greatest value of a keyword that would take too long otherwise.

    Raises:
        CheckFailed: There is no such keyword, or the value cannot be run.
    """
    parameters = inspect.signature(experiment).parameters.values()
    own = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    for name, value in change.items():
        if name not in own:
            raise CheckFailed(str(unknown("keyword of experiment", name, own)))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise CheckFailed(f"{name} got {kind_of(value)}; expected a number.")
        if not math.isfinite(value):
            raise CheckFailed(f"{name} got {value}; expected a finite number.")
        low, high = limits.get(name, (-math.inf, math.inf))
        if not low <= value <= high:
            raise CheckFailed(f"{name}={value} was not run: the check runs {low} to {high}.")
    return {name: value for name, value in change.items() if value != own[name]}
