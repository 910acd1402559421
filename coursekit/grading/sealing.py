"""The seal: what a check relies on, as it is before a submission runs, and what of it has changed.

The objects themselves are kept and compared, not their ids: Python gives an id again once its
object is gone.
"""

import builtins
import sys
from collections.abc import Mapping
from functools import partial
from types import CellType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

# For what follows: an answer may put others in their place.
BUILT_IN = __builtins__ = dict(vars(builtins))  # type: ignore[assignment]

SEALED = {
    "coursekit", "torch", "numpy", "sklearn", "builtins", "math", "copy", "inspect", "random",
    "os", "posixpath", "ntpath", "genericpath", "stat",
}  # fmt: skip
WHOLE = ("coursekit.checks", "coursekit.datasets")  # constants too, and what values are made of
PLAIN = {int, float, complex, str, bytes, bool, type(None)}
MADE_OF: dict[type, tuple[str, ...]] = {
    FunctionType: ("__code__", "__defaults__", "__kwdefaults__", "__closure__"),
    CellType: ("cell_contents",),
    MethodType: ("__self__", "__func__"),
    partial: ("func", "args", "keywords"),
    property: ("fget",),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
}

Parts = Mapping[object, object]  # by name
Seal = list[tuple[str, object, Parts]]  # where a value was found, the value, and its parts


def seal() -> Seal:
    """What checks may rely on now.

    The functions and classes of the sealed modules, with their code; of those that are sealed as a
    whole also constants, and what each value is made of, such as the clauses of a check.
    """
    found: Seal = []
    done: set[int] = set()
    left: list[tuple[str, object]] = [("", sys.modules)]
    while left:
        name, owner = left.pop()
        if id(owner) not in done:
            done.add(id(owner))
            parts = _parts(owner)
            if parts:
                found.append((name, owner, parts))
                left += [
                    (f"{name}.{own}", part) for own, part in parts.items()
                    if type(part) not in PLAIN
                ]  # fmt: skip
    return found


def broken(before: Seal) -> list[str]:
    """The names that stand for something else than when they were sealed."""
    return [
        f"{name}.{own}".strip(".")
        for name, owner, parts in before
        for now in [_parts(owner)]
        for own, part in parts.items()
        if own not in now or not _same(now[own], part)
    ]


def _parts(owner: Any) -> Parts:
    """What could be changed in a value."""
    kind = type(owner)
    if kind is FunctionType and not _whole(owner.__module__):
        return {"__code__": owner.__code__}
    if kind in MADE_OF:
        return {own: getattr(owner, own) for own in MADE_OF[kind]}
    if owner is sys.modules:
        return {name: part for name, part in list(owner.items()) if _package(name) in SEALED}
    if issubclass(kind, ModuleType):  # libraries load some names late, but none like a built-in
        before_built_in = len(vars(owner).keys() & BUILT_IN.keys())
        return {**_scope(vars(owner), owner.__name__), "": before_built_in}
    if issubclass(kind, type):
        return _counted(_scope(vars(owner), owner.__module__))
    if issubclass(kind, (dict, MappingProxyType)):
        return _counted(owner)
    if issubclass(kind, (tuple, list, set, frozenset)):
        return _counted(dict(enumerate(owner)))
    if _whole(kind.__module__):
        return _counted({**vars(owner), "__class__": kind})
    return {}


def _scope(names: Mapping[str, object], place: object) -> Parts:
    """What a check may use of the names in a module or a class."""
    if _package(place) not in SEALED:
        return {}
    whole = _whole(place)
    return {
        own: value for own, value in list(names.items())
        if callable(value) or issubclass(type(value), (ModuleType, property, classmethod))
        or (whole and not own.startswith("__"))
    }  # fmt: skip


def _counted(parts: Mapping[Any, object]) -> Parts:
    """Parts, and how many there are: one that is added may stand in for another."""
    return {**parts, "": len(parts)}


def _package(place: object) -> str:
    """The package that a module's name begins with."""
    return place.partition(".")[0] if isinstance(place, str) else ""


def _whole(place: object) -> bool:
    """Whether all values of a module are sealed."""
    return isinstance(place, str) and place.startswith(WHOLE)


def _same(now: object, before: object) -> bool:
    """Whether a part is what it was; text and numbers need only be equal."""
    return now is before or (type(now) is type(before) and type(now) in PLAIN and now == before)
