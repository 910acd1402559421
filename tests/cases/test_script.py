"""A recipe's flat script is the same run, and the lesson's text is that script."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import jupytext
import pytest
from sklearn.preprocessing import MinMaxScaler

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case, Recipe, Setup
from coursekit.cases.script import diff, flat_script, unbind
from coursekit.errors import BadInputError

LESSONS = Path(__file__).parents[2] / "lessons"

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def run_script(program: str) -> dict[str, float]:
    """Run a flat script and hand back its scores."""
    scope: dict[str, Any] = {}
    exec(compile(program, "<flat script>", "exec"), scope)
    return dict(scope["scores"])


@every_case
@pytest.mark.parametrize("which", ["broken", "fixed"])
def test_the_script_is_the_same_run(case: Case, which: str) -> None:
    recipe: Recipe = getattr(case, which)
    assert run_script(flat_script(recipe, seed=3)) == recipe.run(3)


@every_case
def test_the_script_needs_no_coursekit(case: Case) -> None:
    assert "coursekit" not in flat_script(case.broken)
    assert "setup" not in flat_script(case.broken)


@every_case
def test_the_lesson_shows_the_broken_script_and_nothing_else(case: Case) -> None:
    notebook = jupytext.read(LESSONS / f"{case.lesson}.py")
    (cell,) = [c for c in notebook.cells if "failing-script" in c.metadata.get("tags", [])]
    shown, expected = ast.parse(cell.source), ast.parse(flat_script(case.broken))
    assert ast.dump(shown) == ast.dump(expected)
    code = [line for line in cell.source.splitlines() if line.strip()]
    imports = [line for line in code if line.startswith(("import ", "from "))]
    assert len(code) - len(imports) <= 30


def test_a_setting_is_written_into_the_script() -> None:
    case = get_case("unscaled-features")
    program = flat_script(case.fixed.having(proline_spread=100.0, scaler=MinMaxScaler))
    assert "x[:, 12] *= 100.0" in program  # the module's constant PROLINE, by its value
    assert diff(case.broken, case.broken.having(lr=0.5), context=0).splitlines() == [
        "-optimizer = torch.optim.SGD(model.parameters(), lr=0.01)",
        "+optimizer = torch.optim.SGD(model.parameters(), lr=0.5)",
    ]


def test_unbind_lets_the_outer_keyword_win() -> None:
    recipe = get_case("unscaled-features").broken.having(lr=0.1).having(lr=0.2, hidden=8)
    _, settings = unbind(recipe.build)
    assert (settings["lr"], settings["hidden"], settings["epochs"]) == (0.2, 8, 60)


def build_elsewhere(seed: int, device: str) -> Setup:
    """A build that leaves the work to another one."""
    return replace(get_case("unscaled-features").broken.build(seed, device), epochs=1)


def test_a_build_that_delegates_has_no_script() -> None:
    recipe = replace(get_case("unscaled-features").broken, build=build_elsewhere)
    with pytest.raises(BadInputError, match="does not end with 'return Setup"):
        flat_script(recipe)
