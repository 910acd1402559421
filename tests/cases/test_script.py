"""A recipe's flat script is the same run, and the lesson's text is that script."""

import ast
import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case, Raises, Recipe, Setup
from coursekit.cases.script import diff, flat_script, unbind
from coursekit.device import import_keras
from coursekit.errors import BadInputError

LESSONS = Path(__file__).parents[2] / "lessons"

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def run_script(program: str) -> dict[str, float]:
    """Run a flat script and hand back its scores."""
    scope: dict[str, Any] = {"__name__": "flat_script"}
    exec(compile(program, "<flat script>", "exec"), scope)
    return dict(scope["scores"])


def shortened(recipe: Recipe) -> Recipe:
    """The same with two epochs, where build has a keyword for them: enough to part two programs."""
    function, _ = unbind(recipe.build)
    named = "epochs" in inspect.signature(function).parameters
    return recipe.having(epochs=2) if named else recipe


@every_case
@pytest.mark.parametrize("which", ["broken", "fixed"])
def test_the_script_is_the_same_run(case: Case, which: str) -> None:
    recipe: Recipe = shortened(getattr(case, which))
    program = flat_script(recipe, seed=3)
    if isinstance(case.claim, Raises) and which == "broken":
        with pytest.raises(Exception, match=re.escape(case.claim.words)) as caught:
            run_script(program)
        assert caught.type.__name__ == case.claim.error
        return
    np.testing.assert_equal(run_script(program), recipe.run(3))  # NaN is equal to NaN


@pytest.mark.slow  # 150 graphs
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.keras.broken], ids=lambda case: case.name
)
@pytest.mark.parametrize("which", ["broken", "fixed"])
def test_the_script_of_a_twin_is_the_same_run(case: Case, which: str) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    import_keras()
    recipe: Recipe = shortened(getattr(case.keras, which))
    program = flat_script(recipe, seed=3)
    claim = case.keras.claim or case.claim
    if isinstance(claim, Raises) and which == "broken":
        with pytest.raises(Exception, match=re.escape(claim.words)) as caught:
            run_script(program)
        assert caught.type.__name__ == claim.error
        return
    np.testing.assert_equal(run_script(program), recipe.run(3))


@pytest.mark.parametrize("which", ["broken", "fixed"])
def test_a_function_inside_keeps_its_return(which: str) -> None:
    """The loss of this one is a function that build defines; Keras would train without it."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    import_keras()
    recipe: Recipe = getattr(get_case("spectral-norm").keras, which)
    program = flat_script(recipe, seed=3)
    assert "return keras.ops.mean(labels * scores)" in program
    assert run_script(program) == recipe.run(3)


def test_parameters_of_a_function_inside_hide_what_is_known() -> None:
    def build(seed: int, device: str, *, lr: float = 0.5) -> Setup:
        def scaled(lr: float) -> Any:
            yield lr

        return Setup(
            model=scaled(lr), optimizer=None, loss_fn=None, train=1, val=2, test=3, epochs=1
        )

    recipe = replace(get_case("unscaled-features").broken, build=build)
    program = flat_script(recipe)
    assert "def scaled(lr: float) -> Any:\n    yield lr\n" in program


@every_case
@pytest.mark.parametrize("which", ["broken", "fixed"])
def test_the_script_needs_no_coursekit(case: Case, which: str) -> None:
    program = flat_script(getattr(case, which))
    assert "coursekit" not in program
    assert not re.search(r"\bsetup\.", program)


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.py")), ids=lambda path: path.stem)
def test_a_lesson_shows_the_broken_script_of_a_case_and_nothing_else(path: Path) -> None:
    cells = [
        cell
        for cell in jupytext.read(path).cells
        if "failing-script" in cell.metadata.get("tags", [])
    ]
    if not cells:
        pytest.skip("this lesson starts from no failing script")
    (cell,) = cells
    scripts = [flat_script(case.broken) for case in CASES if case.lesson == path.stem]
    assert ast.dump(ast.parse(cell.source)) in [ast.dump(ast.parse(text)) for text in scripts]
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
