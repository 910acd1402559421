"""What is special to exercise 01; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from typing import Any

import pytest

from coursekit.checks import CheckFailed
from coursekit.checks import unscaled_features as checks
from coursekit.checks.table_runs import HEALTHY
from coursekit.checks.unscaled_features.diagnose import LIMITS
from coursekit.checks.unscaled_features.fresh_accuracy import FRESH_ROWS, LEARNT, LUCK, SEEDS


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("unscaled_features")


def test_the_text_states_the_limits_that_the_checks_use(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("unscaled_features")
    assert f"to at least {HEALTHY}," in text
    assert f"at most {LIMITS['epochs'][1]} epochs" in text
    assert f"0.5 (give or take {LUCK})" in text
    assert f"where the first column decides, it must be above {LEARNT}." in text
    assert f"at least {FRESH_ROWS} fresh rows" in text
    assert len(SEEDS) == 6
    assert "mean over six seeds" in text


def test_a_script_whose_settings_are_patched_is_noticed(solution: dict[str, Any]) -> None:
    script = solution["experiment"]
    defaults = dict(script.__kwdefaults__)

    def patching() -> tuple[str, dict[str, Any]]:
        script.__kwdefaults__["batchnorm"] = "input"
        return "E", {}

    try:
        with pytest.raises(CheckFailed, match="the script does not behave as it was given"):
            checks.check_diagnose(patching, script)
    finally:
        script.__kwdefaults__ = defaults


def test_relabelled_rows_are_noticed(solution: dict[str, Any]) -> None:
    def edited(seed: int, **settings: Any) -> dict[str, Any]:
        run: dict[str, Any] = solution["experiment"](seed, **settings)
        run["train"].tensors[1].neg_().add_(1)
        return run

    with pytest.raises(CheckFailed, match="other rows reach the network"):
        checks.check_diagnose(lambda: ("A", {}), edited)
