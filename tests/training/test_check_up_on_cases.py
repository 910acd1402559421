"""The check-up on the catalogue, whose faults are known: what it sees, and no false alarm."""

from dataclasses import replace
from typing import Any

import pytest
from sklearn.preprocessing import StandardScaler

from coursekit import check_up
from coursekit.cases import CASES, get_case
from coursekit.cases.case import Recipe
from coursekit.cases.optimization.three_faults import TOLD
from coursekit.errors import BadInputError
from coursekit.training.checkup import CheckUp

SEEN = {
    "unscaled-features": "rows",
    "normalisation-learning-rate": "rows",
    "one-nan": "rows",
    "three-faults": "rows",
    "exploding-initialisation": "first loss",
    "weight-norm": "first loss",
    "saturated-activations": "first loss",
    "softmax-before-cross-entropy": "loss",
    "logits-as-probabilities": "loss",
    "missing-zero-grad": "loop",
    "stale-optimizer": "loop",
    "zero-initialisation": "gradients",
    "gradient-underflow": "loop",
    "vanishing-gradients": "gradients",
    "covariate-shift-myth": "gradients",
    "learning-rate-too-high": "step",
    "learning-rate-too-low": "step",
    "scheduler-per-batch": "rate",
    "plateau-per-batch": "rate",
    "frozen-parameters": "one batch",
    "weight-decay-too-high": "one batch",
    "coupled-weight-decay": "one batch",
}
SOUND_BUT_OFF = {  # and why
    ("edge-of-stability", "fixed"): "a straight line whose targets are far from zero",
    ("edge-of-stability", "healthy"): "a straight line whose targets are far from zero",
    ("deep-plain-net", "fixed"): "forty residual blocks without normalisation: it starts loud",
    ("target-in-disguise", "fixed"): "first weights near zero, so the first step is a long one",
    ("augmentation-left-on", "healthy"): "weight decay so strong that it learns nothing by heart",
    ("batchnorm-frozen", "fixed"): "a head alone on frozen layers learns nothing by heart",
    ("normalisation-learning-rate", "fixed"): "raw rows, put right behind the first layer",
    ("spectral-norm", "healthy"): "a distance that is computed, not trained",
    ("dead-relu", "fixed"): "the rate that kills ReLUs; a LeakyReLU lives with it",
    ("overfitting", "healthy"): "a straight line of ten columns learns no batch by heart",
    ("naive-softmax-overflow", "fixed"): "its loop works on the outputs before the loss",
    ("naive-softmax-overflow", "healthy"): "its loop works on the outputs before the loss",
    ("silent-broadcast", "fixed"): "its loop works on the outputs before the loss",
}


def examined(recipe: Recipe, seed: int = 31_000) -> CheckUp:
    """The check-up around a recipe's own loop, for one epoch at a time."""
    run = recipe.build(seed, "cpu")

    def one_pass(batches: list[Any]) -> None:
        next(iter(recipe.train(replace(run, train=batches))))

    return check_up(
        one_pass, run.model, run.train, run.loss_fn, run.optimizer, scheduler=run.scheduler
    )


@pytest.mark.parametrize("name", SEEN)
def test_a_known_fault_is_seen_in_its_line(name: str) -> None:
    found = examined(get_case(name).broken)
    assert found.off[:1] == (SEEN[name],), found


@pytest.mark.parametrize("name", [name for name in SEEN if (name, "fixed") not in SOUND_BUT_OFF])
def test_the_repaired_script_is_well(name: str) -> None:
    found = examined(get_case(name).fixed)
    assert found.off == (), found


@pytest.mark.parametrize("seed", range(3))
def test_three_faults_are_found_one_after_the_other(seed: int) -> None:
    """Each line sees its own fault, whatever is left of the others."""
    rounds = [
        ("rows", TOLD.having(emptied=False)),
        ("loop", TOLD.having(scaler=StandardScaler, emptied=False)),
        ("gradients", TOLD.having(scaler=StandardScaler)),
    ]
    for line, recipe in rounds:
        assert examined(recipe, seed).off[0] == line
    assert examined(get_case("three-faults").fixed, seed).off == ()


@pytest.mark.slow
@pytest.mark.parametrize("which", ["fixed", "healthy"])
@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_no_sound_script_is_called_ill(name: str, which: str) -> None:
    recipe: Recipe | None = getattr(get_case(name), which)
    if recipe is None or (name, which) in SOUND_BUT_OFF:
        pytest.skip("there is none, or it is known to look ill")
    try:
        found = examined(recipe)
    except BadInputError as error:  # the loop changes outputs or targets before the loss
        assert "Either this is the fault, or your loop changes them" in str(error)  # noqa: PT017
        return
    assert found.off == () or found["rows"].well is False, found  # a scaler inside the loop
