"""The functions and classes of the catalogue that a flat script uses, as part of the script."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

DEFINED = (ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What a script needs in front of it.

    Attributes:
        statements: Definitions, each after those that it uses.
        modules: The modules that they and the script come from.
    """

    statements: list[ast.stmt]
    modules: list[ModuleType]


def definitions(statements: Sequence[ast.stmt], functions: Sequence[Callable[..., Any]]) -> Needed:
    """The catalogue's own functions, classes and constants that these statements name.

    Args:
        statements: The script's lines.
        functions: The functions that the lines were taken from: where their names are known.
    """
    modules = list(dict.fromkeys(sys.modules[function.__module__] for function in functions))
    found: dict[str, ast.stmt] = {}
    own = {name.id for statement in statements for name in _names(statement, ast.Store)}
    for statement in statements:
        for module in list(modules):
            _collect(statement, module, found, modules, own)
    return Needed(statements=list(found.values()), modules=modules)


def _collect(
    node: ast.AST,
    module: ModuleType,
    found: dict[str, ast.stmt],
    modules: list[ModuleType],
    own: set[str],
) -> None:
    """Put what a node names into ``found``, what that names first; ``own`` are its variables."""
    for name in [leaf.id for leaf in _names(node, ast.Load)]:
        thing = vars(module).get(name)
        if name in found or name in own or thing is None:
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            home = sys.modules[thing.__module__]
            if home.__name__.startswith("coursekit.cases."):
                definition = _plain_definition(thing)
                local = {leaf.id for leaf in _names(definition, ast.Store)}
                _collect(definition, home, found, modules, local)
                found[name] = definition
                if home not in modules:
                    modules.append(home)
        elif name.isupper() and isinstance(thing, int | float | str | tuple):
            found[name] = ast.parse(f"{name} = {thing!r}").body[0]


def _names(node: ast.AST, context: type[ast.expr_context]) -> list[ast.Name]:
    """The names in a node that are read, or written."""
    leaves = [leaf for leaf in ast.walk(node) if isinstance(leaf, ast.Name)]
    return [leaf for leaf in leaves if isinstance(leaf.ctx, context)]


def _plain_definition(thing: Any) -> ast.stmt:
    """The definition without docstrings and annotations: a script, not a library."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
    for node in ast.walk(definition):
        if isinstance(node, DEFINED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return definition
