"""A recipe as one flat program: the code a learner could have written, without coursekit.

The three functions of a recipe are specialised to one setting: keyword arguments become their
values, branches that cannot be taken go, ``setup.x`` becomes ``x``. So the lesson's first
script, the diff of broken and fixed and a widget's "present setting as code" all come from the
functions that really run.
"""

import ast
import difflib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import partial
from types import ModuleType
from typing import Any

from coursekit.cases.case import Recipe, Setup
from coursekit.cases.definitions import DEFINED, definitions
from coursekit.errors import BadInputError

Bindings = Mapping[str, ast.expr]

IMPORTS = (ast.Import, ast.ImportFrom)


def flat_script(recipe: Recipe, *, seed: int = 0) -> str:
    """The recipe as a program: imports, then build, train and evaluate, inlined.

    Args:
        recipe: A recipe whose build returns ``Setup(...)`` itself.
        seed: The seed to write into the program.

    Raises:
        BadInputError: Build delegates to another function, so it has no body to show.
    """
    build, settings = unbind(recipe.build)
    values = {**settings, "seed": seed, "device": "cpu"}
    body = _specialise(build, {name: _literal(value) for name, value in values.items()})
    parts, returned = body[:-1], body[-1]
    setup = _returned_setup(returned, build)
    statements = list(parts)
    for function in (recipe.train, recipe.evaluate):
        plain, settings = unbind(function)
        known = {name: _literal(value) for name, value in settings.items()}
        statements += _specialise(plain, known, setup=setup)
    needed = definitions(statements, [build, unbind(recipe.train)[0], unbind(recipe.evaluate)[0]])
    own = [ast.unparse(one) for one in statements if isinstance(one, IMPORTS)]  # a twin's keras
    lines = [one for one in statements if not isinstance(one, IMPORTS)]
    program = _unparsed([*needed.statements, *lines])
    imports = dict.fromkeys([*own, *_imports(program, needed.modules)])
    return "\n".join([*imports, "", program, ""])


def _unparsed(statements: Sequence[ast.stmt]) -> str:
    """Statements as source, with an empty line after a definition as well as before it."""
    texts = [ast.unparse(ast.fix_missing_locations(one)) for one in statements]
    framed = [
        f"\n{text}\n" if isinstance(one, DEFINED) else text
        for one, text in zip(statements, texts, strict=True)
    ]
    return "\n".join(framed).replace("\n\n\n", "\n\n").strip("\n")


def diff(before: Recipe, after: Recipe, *, context: int = 1) -> str:
    """The lines in which two recipes differ, as a unified diff without file names."""
    old, new = flat_script(before).splitlines(), flat_script(after).splitlines()
    lines = list(difflib.unified_diff(old, new, lineterm="", n=context))
    return "\n".join(line for line in lines[2:] if not line.startswith("@@"))


def unbind(function: Callable[..., Any]) -> tuple[Callable[..., Any], dict[str, object]]:
    """The plain function under nested partials, and its keyword arguments with defaults."""
    bound: dict[str, object] = {}
    while isinstance(function, partial):
        bound = {**function.keywords, **bound}
        function = function.func
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty
    }
    return function, {**defaults, **bound}


def _constants(function: Callable[..., Any]) -> dict[str, object]:
    """The module's own constants that a function names, such as the number of a column."""
    names = function.__code__.co_names
    scope = function.__globals__
    return {name: scope[name] for name in names if name.isupper() and name in scope}


def _literal(value: object) -> ast.expr:
    """A value as source: a class or function by name, anything else by its repr."""
    text = value.__name__ if inspect.isclass(value) or inspect.isfunction(value) else repr(value)
    return ast.parse(text, mode="eval").body


def _specialise(
    function: Callable[..., Any], known: Bindings, *, setup: Bindings | None = None
) -> list[ast.stmt]:
    """The statements of a function's body with the known names put in."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise BadInputError(f"{function!r} is not a plain function, so it has no flat script.")
    body = definition.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    constants = {name: _literal(value) for name, value in _constants(function).items()}
    inliner = _Inliner({**constants, **known}, setup or {})
    return [kept for statement in body for kept in inliner.statements(statement)]


def _returned_setup(statement: ast.stmt, build: Callable[..., Any]) -> Bindings:
    """What build's last line, ``return Setup(...)``, puts into each attribute."""
    call = statement.value if isinstance(statement, ast.Return) else None
    if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Setup"):
        raise BadInputError(
            f"{build.__name__} does not end with 'return Setup(...)', so it has no flat script. "
            "Of a case only healthy and the wrong fixes may delegate."
        )
    absent: Bindings = {
        field.name: ast.Constant(field.default)
        for field in fields(Setup)
        if field.default is not MISSING
    }
    return {**absent, **{word.arg: word.value for word in call.keywords if word.arg is not None}}


def _imports(program: str, modules: Sequence[ModuleType]) -> list[str]:
    """The import lines of these modules that bring a name which the program uses."""
    tree = ast.parse(program)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {node.id for node in names} - {n.name for n in tree.body if isinstance(n, DEFINED)}
    kept: dict[str, None] = {}  # a set that keeps its order
    for module in modules:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, IMPORTS):
                node.names = [name for name in node.names if (name.asname or name.name) in used]
                if node.names and not str(getattr(node, "module", "")).startswith("coursekit"):
                    kept[ast.unparse(node)] = None
    return list(kept)


class _Inliner(ast.NodeTransformer):
    """Puts known values in, and takes out what only the case needs."""

    def __init__(self, known: Bindings, setup: Bindings, *, nested: bool = False) -> None:
        self.known = known
        self.setup = setup
        self.nested = nested  # in a function of its own, whose return and yield stay

    def statements(self, node: ast.stmt) -> list[ast.stmt]:
        """A statement after inlining: none, one, or the body of a branch that is taken."""
        done = self.visit(node)
        if done is None:
            return []
        return list(done) if isinstance(done, list) else [done]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.known.get(node.id, node) if isinstance(node.ctx, ast.Load) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "setup" and self.setup:
            return self.setup[node.attr]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [word for word in node.keywords if word.arg != "device"]
        if isinstance(node.func, ast.Attribute) and _is_move(node):
            return self.visit(node.func.value)  # type: ignore[no-any-return]
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        taken = self._taken(node.test)
        if taken is None:
            return self.generic_visit(node)
        chosen = node.body if taken else node.orelse
        return [kept for statement in chosen for kept in self.statements(statement)]

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        taken = self._taken(node.test)
        if taken is None:
            return self.generic_visit(node)
        return self.visit(node.body if taken else node.orelse)

    def _taken(self, test: ast.expr) -> bool | None:
        """Whether the first branch is taken; None where that hangs on what is not known."""
        names = {leaf.id for leaf in ast.walk(test) if isinstance(leaf, ast.Name)}
        return _truth(test, self.known) if names <= set(self.known) else None

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.args = self.visit(node.args)
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        own = {leaf.arg for leaf in ast.walk(node.args) if isinstance(leaf, ast.arg)}
        known = {name: value for name, value in self.known.items() if name not in own}
        inside = _Inliner(known, self.setup, nested=True)
        node.body = [kept for one in node.body for kept in inside.statements(one)]
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        dropped = isinstance(node.value, ast.Yield) and not self.nested
        return None if dropped else self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> Any:
        if self.nested:
            return self.generic_visit(node)
        if isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "Setup":
            return self.generic_visit(node)
        if node.value is None:
            return None
        target = ast.Name(id="scores", ctx=ast.Store())
        return ast.Assign(targets=[target], value=self.visit(node.value), lineno=node.lineno)


def _is_move(node: ast.Call) -> bool:
    """Whether a call is ``something.to(device)``."""
    names = [argument.id for argument in node.args if isinstance(argument, ast.Name)]
    return isinstance(node.func, ast.Attribute) and node.func.attr == "to" and names == ["device"]


def _truth(test: ast.expr, known: Bindings) -> bool:
    """Whether a branch is taken; a class or function, known by its name, is not None."""
    names = {leaf.id for leaf in ast.walk(test) if isinstance(leaf, ast.Name)}
    values = {name: getattr(known[name], "value", ...) for name in names}
    expression = ast.fix_missing_locations(ast.Expression(body=test))
    return bool(eval(compile(expression, "<branch>", "eval"), {}, values))
