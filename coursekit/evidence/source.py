"""What a run depends on: a hash of the recipe's code, and the versions of its packages."""

import ast
import hashlib
import inspect
import json
import platform
import textwrap
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from coursekit.cases.case import Recipe
from coursekit.cases.script import unbind
from coursekit.evidence.rows import Framework


def source_hash(recipe: Recipe) -> str:
    """A hash of what a recipe computes: its functions, those of coursekit.cases that they call,
    and the bound keywords. Comments, docstrings and layout do not count.
    """
    seen: dict[str, str] = {}
    settings: dict[str, str] = {}
    for function in (recipe.build, recipe.train, recipe.evaluate):
        plain, bound = unbind(function)
        settings |= {name: getattr(value, "__name__", repr(value)) for name, value in bound.items()}
        _collect(plain, seen)
    text = json.dumps([sorted(seen.items()), sorted(settings.items())])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def versions(framework: Framework) -> dict[str, str]:
    """The versions that a run depends on."""
    packages = ["numpy", "scikit-learn", *(["torch"] if framework == "torch" else ["keras"])]
    if framework == "keras":
        packages.append("tensorflow")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _collect(function: Callable[..., Any], seen: dict[str, str]) -> None:
    """The code of a function and of the functions of coursekit.cases that it names."""
    key = f"{function.__module__}.{function.__qualname__}"
    if key in seen:
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    if isinstance(definition, ast.FunctionDef) and ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    seen[key] = ast.dump(tree)
    for node in ast.walk(tree):
        named = function.__globals__.get(node.id) if isinstance(node, ast.Name) else None
        if inspect.isfunction(named) and named.__module__.startswith("coursekit.cases"):
            _collect(named, seen)
        elif isinstance(named, int | float | str | tuple):
            seen[f"{function.__module__}.{node.id}"] = repr(named)  # type: ignore[attr-defined]
