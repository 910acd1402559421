"""Reads what ``diagnose`` said: a letter, and the change that heals."""

import inspect
import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from coursekit.checks.experiment import Script, Settings
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of
from coursekit.errors import unknown

Limits = Mapping[str, tuple[float, float]]
Kinds = Mapping[str, tuple[type, ...]]


def letter_and_change(value: object, letters: Collection[str]) -> tuple[str, Settings]:
    """The letter and the change.

    Args:
        value: What ``diagnose`` returned.
        letters: The letters that there are.

    Raises:
        CheckFailed: It is no such pair; the message says what came.

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
    experiment: Script,
    change: Settings,
    *,
    limits: Limits,
    numbers_only: bool = False,
    also_takes: Kinds = MappingProxyType({}),
) -> Settings:
    """The part of a change that differs from the script's own values.

    Args:
        experiment: The script.
        change: Keyword to value.
        limits: Least and greatest value of a keyword: seconds, not minutes.
        numbers_only: Whether every keyword of the script takes a number, and none a text or None.
        also_takes: Then, what else a keyword takes.

    Raises:
        CheckFailed: The script has no such keyword, or it would not be run with that value.

    >>> def script(seed, *, lr=0.1, epochs=8): ...
    >>> real_changes(script, {"lr": np.float64(0.1), "epochs": np.int64(9)}, limits={})
    {'epochs': 9}
    """
    change = {name: _plain(value) for name, value in change.items()}
    parameters = inspect.signature(experiment).parameters.values()
    own = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    for name, value in change.items():
        if name not in own:
            see = "These are all that experiment has."
            raise CheckFailed(str(unknown("keyword", name, own, see=see)))
        if not (numbers_only and isinstance(value, also_takes.get(name, ()))):
            _expect_kind(name, value, numbers_only=numbers_only)
        if isinstance(value, int | float):
            _expect_within(name, value, limits.get(name, (-math.inf, math.inf)))
    return {name: value for name, value in change.items() if value != own[name]}


def _plain(value: Any) -> Any:
    """A number of NumPy's, as one looks it up in a table, as one of Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _expect_kind(name: str, value: Any, *, numbers_only: bool) -> None:
    """A value is of a kind that a keyword may have."""
    if numbers_only:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = value is None or isinstance(value, str | int | float)
    if not fits:
        kinds = "a number" if numbers_only else "a number, a text or None"
        raise CheckFailed(f"{name} got {kind_of(value)}; expected {kinds}.")


def _expect_within(name: str, value: float, limits: tuple[float, float]) -> None:
    """A number can be run, and in seconds."""
    if not math.isfinite(value):
        raise CheckFailed(f"{name} got {value}; expected a finite number.")
    low, high = limits
    if not low <= value <= high:
        raise CheckFailed(f"{name}={value} was not run: the check runs {low} to {high}.")
