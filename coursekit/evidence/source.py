"""What a run depends on: a hash of the recipe's code, and the versions of its packages."""

import ast
import hashlib
import inspect
import json
import platform
import sys
import textwrap
from functools import cache
from importlib.metadata import version
from typing import Any

from coursekit.cases.case import Case, Recipe
from coursekit.cases.script import unbind
from coursekit.evidence.rows import Framework


@cache
def source_hash(recipe: Recipe) -> str:
    """A hash of what a recipe computes: its functions, the functions and classes of
    coursekit.cases that they name, and the bound keywords. Comments, docstrings and layout do
    not count.
    """
    seen: dict[str, str] = {}
    settings: dict[str, str] = {}
    for function in (recipe.build, recipe.train, recipe.evaluate):
        plain, bound = unbind(function)
        settings |= {name: getattr(value, "__name__", repr(value)) for name, value in bound.items()}
        for thing in (plain, *bound.values()):
            _collect(thing, seen)
    text = json.dumps([sorted(seen.items()), sorted(settings.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def versions(framework: Framework) -> dict[str, str]:
    """The versions that a run depends on."""
    return dict(_versions(framework))


@cache
def _versions(framework: Framework) -> dict[str, str]:
    """Read once: looking them up takes longer than a short run."""
    packages = ["numpy", "scikit-learn", *(["torch"] if framework == "torch" else ["keras"])]
    if framework == "keras":
        packages.append("tensorflow")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _collect(thing: Any, seen: dict[str, str]) -> None:
    """The code of a function or class of the catalogue, and of those that it names."""
    if not _is_ours(thing) or (key := f"{thing.__module__}.{thing.__qualname__}") in seen:
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    seen[key] = _dump(tree)
    scope = vars(sys.modules[thing.__module__])
    for node in ast.walk(tree):
        named = scope.get(node.id) if isinstance(node, ast.Name) else None
        if _is_ours(named):
            _collect(named, seen)
        elif isinstance(named, int | float | str | tuple | dict):
            seen[f"{thing.__module__}.{node.id}"] = repr(named)  # type: ignore[attr-defined]


def _dump(tree: ast.AST) -> str:
    """What a tree holds, in the same words on each Python: 3.12 added a field for type parameters,
    and 3.13 leaves out what is empty.
    """
    for node in ast.walk(tree):
        if getattr(node, "type_params", None) == []:
            del node.type_params  # type: ignore[attr-defined]
    if sys.version_info >= (3, 13):
        return ast.dump(tree, show_empty=True)
    return ast.dump(tree)


def _is_ours(thing: object) -> bool:
    """Whether it is a function or class of the catalogue, or of a test's own recipe.

    What a case is made of (Setup, Recipe, …) does not change a run.
    """
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        return False
    home = thing.__module__
    return home.startswith(("coursekit.cases.", "tests.")) and home != Case.__module__
