"""Reads what ``diagnose`` said: a letter, and the change that heals."""

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

    Raises:
        CheckFailed: Something else came.

    >>> letter_and_change([" a ", {"lr": 0.1}], "ABC")
    ('A', {'lr': 0.1})
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


def real_changes(
    experiment: Callable[..., Any], change: Mapping[str, Any], *, limits: Limits
) -> Mapping[str, Any]:
    """The part of a change that differs from the script's own values.

    Args:
        experiment: The script.
        change: Keyword to value.
        limits: Least and greatest value of a keyword: seconds, not minutes.

    Raises:
        CheckFailed: The script has no such keyword, or it would not be run with that value.

    >>> def script(seed, *, lr=0.1, epochs=8): ...
    >>> real_changes(script, {"lr": 0.1, "epochs": 9}, limits={})
    {'epochs': 9}
    """
    parameters = inspect.signature(experiment).parameters.values()
    own = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    for name, value in change.items():
        if name not in own:
            raise CheckFailed(str(unknown("keyword of experiment", name, own)))
        if value is not None and not isinstance(value, str | int | float):
            raise CheckFailed(f"{name} got {kind_of(value)}; expected a number, a text or None.")
        low, high = limits.get(name, (-math.inf, math.inf))
        if isinstance(value, int | float) and not low <= value <= high:
            raise CheckFailed(f"{name}={value} was not run: the check runs {low} to {high}.")
    return {name: value for name, value in change.items() if value != own[name]}


def call_text(changes: Mapping[str, Any]) -> str:
    """How the changed script would be called.

    >>> call_text({"lr": 0.5}), call_text({})
    ('experiment(seed, lr=0.5)', 'experiment(seed)')
    """
    settings = ", ".join(f"{name}={value!r}" for name, value in changes.items())
    return f"experiment(seed, {settings})" if settings else "experiment(seed)"
