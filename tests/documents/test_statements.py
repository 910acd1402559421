"""What the documents say: each verdict is computed anew, and a doctored run would flip it."""

import math

import pytest

from coursekit.cases.sources import D0, D1, D2, D3, Source
from coursekit.cli import main
from coursekit.documents import STATEMENTS, Statement, get_statement
from coursekit.errors import BadInputError, UnknownNameError

UNSEEN = 33_000

# What the numbers of a run would have to be for another verdict: statement to changed numbers.
DOCTORED: dict[str, dict[str, float]] = {
    "standard-scaler-for-outliers": {"standard": 0.98},
    "features-contribute-equally": {"largest_over_least": 1.5},
    "example-scales-two-features": {"rank": 2},
    "batchnorm-example-learns": {"fresh": 0.9},
    "batchnorm-reduces-covariate-shift": {"shifted_shift": 0.0},
    "batchnorm-allows-higher-rates": {"batchnorm": 0.03, "plain": 0.03},
    "layernorm-helps-small-batches": {"layer": 0.4, "batch": 0.4, "none": 0.4},
    "only-layernorm-works-at-test": {"change": 0.0},
    "weight-norm-replaces-batchnorm": {"weight": 0.95},
    "mismatched-transforms-hurt": {"training_only": 0.97},
    "half-is-wrong-for-one-channel": {"both": 0.5},
    "mismatch-harms-gradient-flow": {"largest_difference": 1e-6},
    "gamma-reduces-by-a-tenth": {"left": 0.9},
    "step-lr-beats-constant": {"step_lr": 0.01},
    "one-mean-imputes": {"one_mean": 0.97},
    "missing-data-makes-loss-jump": {"finite_epochs": 1.0},
    "leakage-makes-spikes": {"leaking": 0.5},
    "overfitting-jumps": {"way_back": 0.8},
    "elu-and-swish-prevent-vanishing": {"silu": 0.9},
    "residual-connections-fix-depth": {"bare": 0.95},
    "adam-is-not-always-best": {"momentum": 0.9},
    "high-rate-prevents-learning": {"lr_3.0": 0.95},
    "scaler-on-all-rows-hurts": {"all_rows": 0.5},
    "scaling-is-crucial-here": {"raw": 5.0},
    "unscaled-loss-stays-high": {"loss_360": 0.1},
    "softmax-gives-proper-outputs": {"softmax": 0.01},
    "relu-example-vanishes-without": {"sigmoid": 1e-6},
    "plateau-takes-verbose": {"taken": 1.0},
    "plateau-frees-the-run": {"lr_last_over_first": 0.1},
    "mse-is-detrimental": {"one_hot_adam": 0.5},
    "small-batches-are-erratic": {"jump_4": 0.4},
    "unscaled-converges-poorly": {"raw": 0.7},
    "small-feature-is-starved": {"raw": 0.001},
    "scaling-drops-the-loss-rapidly": {"scaled": 0.01},
    "step-lr-improves": {"constant": 0.1},
    "low-rate-never-arrives": {"steps_0.03": math.inf},
    "adam-is-more-robust": {"adam_deep_sigmoid": 0.95},
    "binary-loss-is-wrong-for-classes": {"one_hot": 0.1},
}

every_statement = pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: one.name)


@every_statement
def test_the_verdict_is_what_runs_say_and_a_doctored_run_flips_it(statement: Statement) -> None:
    measured = statement.over(range(UNSEEN, UNSEEN + 2))
    assert statement.judge(measured) == statement.verdict, statement.shares(measured)
    changes = DOCTORED[statement.name]
    assert changes.keys() <= measured[0].keys()
    assert statement.judge([{**numbers, **changes} for numbers in measured]) != statement.verdict


@every_statement
@pytest.mark.slow
def test_the_verdict_holds_on_twenty_seeds(statement: Statement) -> None:
    measured = statement.over(range(UNSEEN, UNSEEN + 20))
    assert statement.judge(measured) == statement.verdict, statement.shares(measured)


@every_statement
def test_words_are_sentences(statement: Statement) -> None:
    assert statement.says.endswith(".")
    assert statement.finding.endswith(".")
    assert statement.source.title in (D0, D1, D2, D3)


def test_names_are_unique_and_all_are_doctored() -> None:
    names = [statement.name for statement in STATEMENTS]
    assert len(set(names)) == len(names)
    assert set(names) == set(DOCTORED)


HALF = Statement(
    name="by-hand",
    source=Source(key="D0", title=D0, section="-"),
    says="x is large.",
    measure=lambda seed: {"x": float(seed)},
    tests={"five": lambda n: n["x"] > 5, "ten": lambda n: n["x"] > 10},
    verdict="depends",
    finding="By hand.",
)


@pytest.mark.parametrize(
    ("seeds", "verdict"),
    [
        (range(11, 20), "holds"),  # both conditions on every seed
        (range(5), "false"),  # neither on any
        (range(6, 11), "depends"),  # the first on every seed, the second on none
        (range(1, 11), "depends"),  # the first on half of them
        ([1] * 19 + [11], "false"),  # one seed in twenty does not turn a verdict
    ],
)
def test_a_verdict_by_hand(seeds: range, verdict: str) -> None:
    assert HALF.judge(HALF.over(seeds)) == verdict


def test_no_seed_is_no_verdict() -> None:
    with pytest.raises(BadInputError, match="No seed of 'by-hand' was measured"):
        HALF.judge([])


def test_an_unknown_statement_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="No statement 'step-lr'"):
        get_statement("step-lr")


def test_the_command_lists_and_measures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["documents"]) == 0
    assert all(f"{one.name}: {one.verdict}" in capsys.readouterr().out for one in STATEMENTS[:1])
    assert main(["documents", "gamma-reduces-by-a-tenth", "--measure", "--seeds", "1"]) == 0
    assert "Measured on 1 seeds: false; it comes true on 0%" in capsys.readouterr().out
