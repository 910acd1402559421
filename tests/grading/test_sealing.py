"""The seal: whatever is put in the place of what a check relies on, it shows."""

import builtins
import posixpath
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from coursekit import datasets
from coursekit.checks import Check
from coursekit.checks.unscaled_features import check_fresh_accuracy, check_prepare
from coursekit.checks.unscaled_features import diagnose as diagnosing
from coursekit.checks.unscaled_features import fresh_accuracy as task
from coursekit.grading.sealing import Seal, broken, seal

Undo = Callable[[], object]


@pytest.fixture(scope="module")
def whole() -> Seal:
    """The seal before anything is changed."""
    return seal()


def swapped(owner: Any, name: str, value: object) -> Undo:
    """Set an attribute, of what is frozen too; the way back comes back."""
    kept = getattr(owner, name)
    put = type.__setattr__ if isinstance(owner, type) else object.__setattr__
    put(owner, name, value)
    return lambda: put(owner, name, kept)


def added(owner: Any, name: str, value: object) -> Undo:
    """Give a class or an object an attribute that stands before an inherited one."""
    remove = type.__delattr__ if isinstance(owner, type) else object.__delattr__
    put = type.__setattr__ if isinstance(owner, type) else object.__setattr__
    put(owner, name, value)
    return lambda: remove(owner, name)


def item(owner: dict[Any, Any], key: object, value: object) -> Undo:
    """Set an entry; the way back comes back."""
    if key not in owner:
        owner[key] = value
        return lambda: owner.pop(key)
    kept = owner[key]
    owner[key] = value
    return lambda: owner.__setitem__(key, kept)


def nothing(*_given: object, **_named: object) -> None:
    """What a forger puts in the place of a test."""


DIAGNOSIS = diagnosing.DIAGNOSIS
FORGERIES: dict[str, Callable[[], Undo]] = {
    "gather": lambda: swapped(check_prepare, "gather", nothing),
    "clauses": lambda: swapped(check_prepare, "clauses", ()),
    "verified": lambda: swapped(check_prepare, "verified", nothing),
    "takes": lambda: swapped(check_prepare, "takes", ("other",)),
    "a clause": lambda: swapped(check_prepare.clauses[0], "test", nothing),
    "its class": lambda: swapped(check_prepare, "__class__", type("Check", (Check,), {})),
    "a constant": lambda: swapped(task, "LUCK", 9.0),
    "a table": lambda: item(diagnosing.LIMITS, "epochs", (0, 10**9)),
    "one more in a table": lambda: item(diagnosing.CAUSES, "Z", diagnosing.CAUSES["C"]),
    "a cause": lambda: swapped(diagnosing.CAUSES["C"], "holds", lambda _: True),
    "an object inside": lambda: swapped(DIAGNOSIS, "stuck", 2.0),
    "a method beside its class": lambda: added(DIAGNOSIS, "letter_is_measured", nothing),
    "code": lambda: swapped(task.gather, "__code__", nothing.__code__),
    "defaults": lambda: swapped(task.gather, "__defaults__", (1,)),
    "a property": lambda: swapped(Check, "name", property(lambda _: "check_x")),
    "loaders of data": lambda: item(datasets._LOADERS, "wine", nothing),
    "a NumPy function": lambda: swapped(np, "allclose", nothing),
    "a NumPy ufunc": lambda: swapped(np, "abs", nothing),
    "a PyTorch function": lambda: swapped(torch, "allclose", nothing),
    "a method that PyTorch inherits": lambda: added(torch.Tensor, "mean", nothing),
    "a path function": lambda: swapped(posixpath, "_joinrealpath", nothing),
    "a name before a built-in one": lambda: item(vars(task), "abs", lambda _: 0.0),
    "a built-in that the seal uses": lambda: swapped(builtins, "vars", lambda *_: {}),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_shows_and_is_gone_when_it_is_undone(name: str, whole: Seal) -> None:
    undo = FORGERIES[name]()
    try:
        seen = broken(whole)
    finally:
        undo()
    assert seen
    assert not broken(whole)


def test_it_is_named_where_it_stands(whole: Seal) -> None:
    undo = swapped(task, "LUCK", 9.0)
    try:
        assert broken(whole) == ["coursekit.checks.unscaled_features.fresh_accuracy.LUCK"]
    finally:
        undo()


def test_an_object_that_was_replaced_is_kept(whole: Seal) -> None:
    """Its id must not come again, or what stands in its place could have it."""
    held = {id(part) for _, _, parts in whole for part in parts.values()}
    assert id(check_fresh_accuracy.clauses) in held
