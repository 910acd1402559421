"""What a learner may say in task 3, and what the check answers to the rest."""

from typing import Any

import pytest

from coursekit.checks import CheckFailed
from coursekit.checks.unscaled_features import check_diagnose


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("C", "diagnose returned the text 'C'; expected a letter and a dictionary, such as (\"A\""),
        (None, "diagnose returned None; expected a letter"),
        (("the scale", {}), "diagnose returned the text 'the scale' as the letter; expected one"),
        (("F", {}), "expected one of A, B, C, D, E."),
        ((float("nan"), {}), "diagnose returned a float as the letter"),
        (("C", "batchnorm"), "diagnose returned the text 'batchnorm' as the change; expected a"),
        (("C", {"learning_rate": 1.0}), "No keyword of experiment 'learning_rate'."),
        (("C", {"lr": [1.0]}), "lr got a list; expected a number, a text or None."),
        (("C", {"epochs": 5000}), "epochs=5000 was not run: the check runs 0 to 100."),
        (("C", {"lr": "fast"}), "experiment(seed, lr='fast') raised"),
    ],
)
def test_an_answer_that_cannot_be_run(said: object, text: str, solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed) as failed:
        check_diagnose(lambda: said, solution["experiment"])
    assert text in str(failed.value)


def test_a_script_whose_settings_are_patched_is_noticed(solution: dict[str, Any]) -> None:
    script = solution["experiment"]
    defaults = dict(script.__kwdefaults__)

    def patching() -> tuple[str, dict[str, Any]]:
        script.__kwdefaults__["batchnorm"] = "input"
        return "E", {}

    try:
        with pytest.raises(CheckFailed, match="the script does not behave as it was given"):
            check_diagnose(patching, script)
    finally:
        script.__kwdefaults__ = defaults


def test_relabelled_rows_are_noticed(solution: dict[str, Any]) -> None:
    def edited(seed: int, **settings: Any) -> dict[str, Any]:
        run: dict[str, Any] = solution["experiment"](seed, **settings)
        run["train"].tensors[1].neg_().add_(1)
        return run

    with pytest.raises(CheckFailed, match="other rows reach the network"):
        check_diagnose(lambda: ("A", {}), edited)
