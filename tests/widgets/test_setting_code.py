"""The setting as code runs, and gives the numbers of the slider."""

import pytest

from coursekit.cases import get_case
from coursekit.widgets.setting_code import setting_code

CASE = get_case("unscaled-features")


@pytest.mark.parametrize("value", [0.1, 300.0])
def test_the_program_runs_to_the_same_scores(value: float) -> None:
    code = setting_code(CASE.fixed, {"proline_spread": value}, seed=2)
    assert code.lines == f"x[:, 12] *= {value}"
    scope: dict[str, object] = {}
    exec(compile(code.program, "<setting>", "exec"), scope)
    assert scope["scores"] == CASE.fixed.having(proline_spread=value).run(seed=2)


def test_a_recipe_without_a_flat_form_still_has_a_line() -> None:
    adam = next(rival.recipe for rival in CASE.rivals if "Adam" in rival.name)
    code = setting_code(adam, {"lr": 0.1}, seed=0)
    assert code.lines == "recipe.having(lr=0.1).run(seed=0)"
    assert code.program == ""
