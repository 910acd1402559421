"""The present setting of a slider as code that can be copied and run without coursekit."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from coursekit.cases.case import Recipe
from coursekit.cases.script import flat_script
from coursekit.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class SettingCode:
    """Code of one setting.

    Attributes:
        lines: Only what the setting adds to the recipe, a line or two.
        program: The whole program; "" where the recipe has no flat form.
    """

    lines: str
    program: str


def setting_code(recipe: Recipe, values: Mapping[str, object], *, seed: int) -> SettingCode:
    """What ``recipe.having(**values)`` is in plain code.

    >>> from coursekit.cases import get_case
    >>> fixed = get_case("unscaled-features").fixed
    >>> setting_code(fixed, {"proline_spread": 100.0}, seed=0).lines
    'x[:, 12] *= 100.0'
    """
    try:
        plain = flat_script(recipe, seed=seed).splitlines()
        program = flat_script(recipe.having(**values), seed=seed)
    except BadInputError:  # its build has no body of its own to show
        words = ", ".join(f"{name}={value!r}" for name, value in values.items())
        return SettingCode(lines=f"recipe.having({words}).run(seed={seed})", program="")
    changed = [
        line[2:] for line in difflib.ndiff(plain, program.splitlines()) if line.startswith("+ ")
    ]
    return SettingCode(lines="\n".join(changed), program=program)
