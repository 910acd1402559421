"""The live control's state: every event, and what is dropped."""

import math
from dataclasses import replace

import pytest

from coursekit.widgets.exploration import (
    Curve,
    Exploration,
    Failed,
    Failure,
    Finished,
    Grew,
    Moved,
    Outcome,
    Returned,
    Run,
    Watch,
    failure_of,
    run_in_words,
    scores_in_words,
    update,
)
from coursekit.widgets.setting import Setting


def at(position: str) -> Setting:
    return Setting(knobs=(), chosen=(position,))


OUTCOME = Outcome(scores={"test_accuracy": 0.5}, watched=0.4, final_loss=2.0, dead_share=None)
REFERENCE = Run(setting=at("1"), curve=Curve(losses=(1.0,), planned_steps=1), outcome=OUTCOME)
GROWN = Curve(losses=(3.0, 2.0), scored_at=(2,), scores=(0.4,), planned_steps=4)
BROKEN = Failure(words="ValueError: no", where="somewhere")


def moved_to(position: str) -> Exploration:
    return update(Exploration(reference=REFERENCE, setting=at("1")), Moved(setting=at(position)))


def test_a_move_begins_a_run_and_keeps_the_reference() -> None:
    state = moved_to("10")
    assert (state.setting, state.number, state.running) == (at("10"), 1, True)
    assert state.reference is REFERENCE
    assert state.live is None


def test_a_run_grows_and_finishes() -> None:
    grown = update(moved_to("10"), Grew(number=1, curve=GROWN))
    assert grown.live == Run(setting=at("10"), curve=GROWN)
    assert grown.running
    done = update(grown, Finished(number=1, curve=GROWN, outcome=OUTCOME))
    assert done.live == Run(setting=at("10"), curve=GROWN, outcome=OUTCOME)
    assert not done.running
    assert done.reference is REFERENCE


@pytest.mark.parametrize(
    "late",
    [
        Grew(number=1, curve=GROWN),
        Finished(number=1, curve=GROWN, outcome=OUTCOME),
        Failed(number=1, failure=BROKEN),
    ],
)
def test_what_an_older_run_reports_is_dropped(late: Grew | Finished | Failed) -> None:
    second = update(moved_to("10"), Moved(setting=at("30")))
    assert update(second, late) is second
    back = update(moved_to("10"), Returned())
    assert update(back, late) is back


def test_a_failure_is_kept_until_the_next_move() -> None:
    failed = update(moved_to("10"), Failed(number=1, failure=BROKEN))
    assert failed.failure is BROKEN
    assert not failed.running
    assert update(failed, Moved(setting=at("3"))).failure is None
    assert update(failed, Returned()).failure is None


def test_reset_returns_to_the_reference_alone() -> None:
    done = update(moved_to("10"), Finished(number=1, curve=GROWN, outcome=OUTCOME))
    back = update(done, Returned())
    assert (back.setting, back.live, back.running) == (at("1"), None, False)
    assert back.number > done.number


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_run_that_diverged_says_so_first(bad: float) -> None:
    curve = Curve(losses=(1.0, 5.0, bad, 1.0), planned_steps=4)
    words = run_in_words(
        Run(setting=at("9"), curve=curve, outcome=OUTCOME), watch=Watch(quantity="loss")
    )
    assert words.startswith("diverged at step 2, test accuracy 0.500, validation loss 0.400,")
    assert curve.diverged_at == 2
    assert GROWN.diverged_at is None


def test_a_run_under_way_has_no_numbers_yet() -> None:
    assert run_in_words(Run(setting=at("9"), curve=GROWN), watch=Watch()) == "2 of 4 steps."


def test_a_failure_names_the_line_that_raised() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    failure = failure_of(caught.value)
    assert failure.words == "ZeroDivisionError: division by zero"
    assert "test_exploration.py, line" in failure.where
    assert "1 / 0" in failure.where
    assert failure_of(ValueError("never raised")).where == "no traceback"


def test_scores_have_a_learners_words_and_one_number_is_said_once() -> None:
    scores = {"estimate": 0.9, "truth": 0.5, "overestimate": 0.4}
    outcome = replace(OUTCOME, scores=scores, watched=0.9)
    assert scores_in_words(outcome, watch=Watch()) == [
        ("estimate on validation rows", 0.9), ("truth in use", 0.5), ("estimate minus truth", 0.4),
    ]  # fmt: skip
    in_use = scores_in_words(outcome, watch=Watch(rows="test"))
    assert in_use[-1] == ("accuracy in use", 0.9)  # here the truth is another number
    lost = replace(OUTCOME, scores={"test_loss": math.nan}, watched=math.nan)
    said = scores_in_words(lost, watch=Watch(quantity="loss", rows="test"))
    assert [words for words, _ in said] == ["test loss"]


@pytest.mark.parametrize(
    ("norms", "overflowed", "said"),
    [
        ((1.0, 2.0), False, "gradient norm 1.00 in the first layer, 2.00 in the last."),
        (
            (1e6, 2e7),
            True,
            "last finite gradient norm 1.00e+06 in the first layer, 2.00e+07 in the last, "
            "overflowed after that.",
        ),
        ((math.nan, math.nan), True, "the gradients overflowed at once."),
    ],
)  # fmt: skip
def test_gradients_that_overflowed_say_their_last_finite_norm(
    norms: tuple[float, ...], overflowed: bool, said: str
) -> None:
    curve = Curve(losses=(1.0,), planned_steps=1, gradients=norms, overflowed=overflowed)
    run = Run(setting=at("9"), curve=curve, outcome=OUTCOME)
    assert run_in_words(run, watch=Watch(below="gradients")).endswith(f" 2.00, {said}")
