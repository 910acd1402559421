"""What is special to exercise 15; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit import check_up
from coursekit.checks import CheckFailed
from coursekit.checks import the_procedure as checks
from coursekit.checks.the_procedure.first_off import LINES, SOUND, runs
from coursekit.checks.the_procedure.loops import weights_of
from coursekit.checks.the_procedure.parts import ENOUGH, PASSES, STEPS
from coursekit.checks.the_procedure.stands_still import loops


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("the_procedure")


def test_the_text_states_what_the_check_uses(solution_text: Callable[[str], str]) -> None:
    text = solution_text("the_procedure")
    assert f"at least {ENOUGH} on held-out rows" in text
    assert f"After { ({15: 'fifteen'}[PASSES]) } calls" in text
    assert f"check_up(*colleague(x, y), steps={STEPS})" in text
    assert f"check_up(*parts(x, y), steps={STEPS})" in text
    assert all(f'`"{line}"`' in text for line in LINES)


def test_the_sound_run_of_the_text_is_the_checks(solution: dict[str, Any]) -> None:
    assert solution["sound"] == SOUND


def test_the_colleagues_lines_are_off(solution: dict[str, Any]) -> None:
    found = check_up(*solution["colleague"](solution["x"], solution["y"]), steps=STEPS)
    assert found.off == ("loss", "loop", "step", "one batch")


def test_the_lines_of_the_table_are_those_of_check_up(solution: dict[str, Any]) -> None:
    """Without *neighbours*, as the text says."""
    found = check_up(*solution["parts"](solution["x"], solution["y"]), steps=STEPS)
    assert tuple(line.name for line in found if line.name != "neighbours") == LINES
    assert found.off == ()


def test_mending_one_line_or_two_does_not_heal_the_colleagues() -> None:
    """That is the point of the lesson: each of the pairs is refused, by more than its line."""
    from tests.checks.answers.the_procedure.parts import building, sgd

    softmax, slow = [nn.Softmax(1)], sgd(0.0001)
    for answer in (
        building(optimizer_of=slow, early=True),
        building(last=softmax, optimizer_of=slow),
        building(optimizer_of=slow),
    ):
        with pytest.raises(CheckFailed):
            checks.check_parts(answer)


@pytest.mark.parametrize("one", loops(), ids=lambda one: one.name)
def test_a_loop_moves_what_it_is_said_to(one: Any) -> None:
    before = weights_of(one.model)
    one.one_pass(one.batches)
    moved = {name for name, value in weights_of(one.model).items() if (value != before[name]).any()}
    assert set(before) - moved == one.still


def test_every_line_is_the_first_that_is_off_in_some_run() -> None:
    assert {known.expected for known in runs()} == {*LINES, None}
    assert all(set(known.differs) <= set(SOUND) for known in runs())


@pytest.mark.parametrize(
    ("check", "came", "text"),
    [
        (checks.check_stands_still, "0.weight", "expected a list of names such as ['0.weight']"),
        (checks.check_first_off, "lr", "expected None, or one of rows, first loss"),
        (checks.check_parts, None, "parts returned None; expected one_pass, model, loader"),
        (checks.check_parts, (print, 1, [], print, 2), "parts returned an int as model"),
        (checks.check_keeps_old, "yes", "expected True or False"),
        (checks.check_keeps_old, [True], "keeps_old returned a list; expected True or False"),
        (checks.check_keeps_old, np.array([True, False]), "an array of shape (2,); expected True"),
        (checks.check_keeps_old, torch.tensor([True, False]), "an array of shape (2,); expected"),
    ],
)
def test_an_answer_of_another_kind(check: Any, came: object, text: str) -> None:
    with pytest.raises(CheckFailed) as failed:
        check(lambda *_: came)
    assert text in str(failed.value)


def test_an_error_in_a_loop_is_theirs(solution: dict[str, Any]) -> None:
    def broken(x: Any, y: Any) -> Any:
        def one_pass(batches: Any) -> None:
            raise ValueError("no such thing")

        return one_pass, *solution["parts"](x, y)[1:]

    with pytest.raises(CheckFailed, match=r"one_pass raised ValueError: no such thing"):
        checks.check_parts(broken)


def test_a_width_written_as_a_number_is_theirs(solution: dict[str, Any]) -> None:
    def thirteen(x: Any, y: Any) -> Any:
        one_pass, _, *others = solution["parts"](x, y)
        return one_pass, nn.Linear(13, 3), *others

    text = (
        r"On breast masses, 2 classes, check_up of your parts raised RuntimeError: .*mat1 and mat2"
    )
    with pytest.raises(CheckFailed, match=text):
        checks.check_parts(thirteen)


def test_a_loop_over_its_own_loader_is_told(solution: dict[str, Any]) -> None:
    def own(x: Any, y: Any) -> Any:
        one_pass, model, loader, *others = solution["parts"](x, y)
        return lambda batches: one_pass(loader), model, loader, *others

    with pytest.raises(CheckFailed, match=r"one_pass took none of the batches that it was given"):
        checks.check_parts(own)


@pytest.mark.parametrize(
    "once",
    [
        lambda x, y: zip(x.split(16), y.split(16), strict=True),
        lambda x, y: (batch for batch in zip(x.split(16), y.split(16), strict=True)),
        lambda x, y: iter(DataLoader(TensorDataset(x, y), batch_size=16)),
    ],
    ids=["zip", "a generator", "an iterator"],
)
def test_a_loader_that_is_used_up_is_told(once: Any, solution: dict[str, Any]) -> None:
    def parts(x: Any, y: Any) -> Any:
        one_pass, model, _, *others = solution["parts"](x, y)
        return one_pass, model, once(x, y), *others

    with pytest.raises(CheckFailed, match=r"as loader, and after a pass no batch is left in it"):
        checks.check_parts(parts)


def test_very_short_steps_move_one_entry_of_each_parameter() -> None:
    """However little: lengths are equal, and so are first and last entries."""
    one = next(one for one in loops() if "very short" in one.name)
    before = weights_of(one.model)
    one.one_pass(one.batches)
    for name, value in weights_of(one.model).items():
        assert value.norm() == before[name].norm()
        assert [*(value != before[name]).flatten().nonzero()] == [value.numel() // 2]
