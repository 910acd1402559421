"""A learner's function gets copies, leaves no trace, and its errors are reported as its own."""

import random
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks.calling import call
from coursekit.checks.verdicts import CheckFailed, NotAnswered


def test_arguments_are_copies() -> None:
    x, tensor, model = np.ones(3), torch.ones(3), nn.Linear(2, 1)
    before = model.weight.clone()

    def tamper(a: Any, b: Any, c: Any) -> None:
        a[0] = 5
        b[0] = 5
        c.weight.data.zero_()

    outcome = call(tamper, {"x": x, "tensor": tensor, "model": model}, name="tamper")
    assert outcome.altered == ("x", "tensor", "model")
    assert x.tolist() == tensor.tolist() == [1, 1, 1]
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda model: model.eval(),
        lambda model: model[0].weight.requires_grad_(False),
        lambda model: model[1](torch.ones(4, 2)),  # moves the running mean
        lambda model: model.append(nn.Linear(2, 2)),
    ],
    ids=["mode", "frozen", "buffers", "layers"],
)
def test_each_trait_of_a_model_is_compared(tamper: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert call(tamper, {"model": model}, name="f").altered == ("model",)


def test_a_forward_pass_alters_nothing() -> None:
    model, x = nn.Linear(2, 1), torch.ones(1, 2)
    assert call(lambda model, x: model(x), {"model": model, "x": x}, name="f").altered == ()


def test_a_tensor_that_now_wants_a_gradient_is_altered() -> None:
    assert call(lambda x: x.requires_grad_(), {"x": torch.ones(1)}, name="f").altered == ("x",)


def test_gradients_are_copied_with_the_model() -> None:
    model = nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    outcome = call(lambda model: model.weight.grad.clone(), {"model": model}, name="f")
    assert isinstance(outcome.result, torch.Tensor)
    assert outcome.result.tolist() == [[1.0, 1.0]]
    assert outcome.handed["model"].weight.grad is not model.weight.grad


def test_random_numbers_are_the_same_inside_and_untouched_outside() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), np.random.rand(), torch.rand(()).item()

    def seed_outside(seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)

    seed_outside(7)
    expected = draw()
    seed_outside(7)
    first = call(draw, {}, name="draw").result
    assert draw() == expected
    assert call(draw, {}, name="draw").result == first


def test_random_numbers_are_put_back_after_an_error() -> None:
    torch.manual_seed(7)
    expected = torch.rand(())
    torch.manual_seed(7)
    with pytest.raises(CheckFailed):
        call(lambda: 1 / 0, {}, name="f")
    assert torch.equal(torch.rand(()), expected)


def halve(x: Any) -> Any:
    """Stands for a learner's function with a mistake in its second line."""
    half = len(x) / 2
    return x[:half]


def test_an_error_is_theirs_and_names_their_line() -> None:
    with pytest.raises(CheckFailed) as failed:
        call(halve, {"x": [1, 2]}, name="halve")
    line = halve.__code__.co_firstlineno + 3
    assert str(failed.value) == (
        "halve raised TypeError: slice indices must be integers or None or have an __index__ "
        f"method (line {line}: return x[:half]). The error is in your code."
    )
    assert isinstance(failed.value.__cause__, TypeError)


def test_the_line_is_theirs_where_a_library_raised() -> None:
    def multiply(x: Any) -> Any:
        return np.linalg.inv(x)

    with pytest.raises(CheckFailed, match=r"\(line \d+: return np.linalg.inv\(x\)\)"):
        call(multiply, {"x": np.zeros((2, 2))}, name="multiply")


def test_the_line_is_found_behind_a_partial() -> None:
    with pytest.raises(CheckFailed, match="half"):
        call(partial(halve, x=[1, 2]), {}, name="halve")


def test_an_error_that_ends_its_own_sentence_gets_no_second_full_stop() -> None:
    def stop(x: Any) -> Any:
        raise PermissionError("Not here.")

    with pytest.raises(CheckFailed, match=r"PermissionError: Not here \(line \d+: .*\)\. The"):
        call(stop, {"x": 1}, name="stop")


@pytest.mark.parametrize(
    ("ran", "place", "says"),
    [
        ("", "__main__", "The set-up cell, the first one with code, is missing or did not run"),
        ("from coursekit.checks import NotAnswered\n", "__main__", "The error is in your code."),
        ("", "mine", "The error is in your code."),
    ],
    ids=["without set-up", "with it", "no notebook"],
)
def test_a_name_of_the_set_up_cell_is_no_error_of_theirs(ran: str, place: str, says: str) -> None:
    names: dict[str, Any] = {"__name__": place}
    exec(f"{ran}def prepare(x):\n    return np.sqrt(x)", names)
    with pytest.raises(CheckFailed) as failed:
        call(partial(names["prepare"]), {"x": 1}, name="prepare")
    assert "prepare raised NameError: name 'np' is not defined. " + says in str(failed.value)


def test_a_wrong_number_of_arguments() -> None:
    with pytest.raises(CheckFailed, match=r"^f raised TypeError: .*positional argument.* but 1 "):
        call(lambda: 1, {"x": 1}, name="f")


def test_an_interrupt_and_a_blank_pass_through() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    def blank() -> None:
        raise NotAnswered

    with pytest.raises(KeyboardInterrupt):
        call(stop, {}, name="stop")
    with pytest.raises(NotAnswered):
        call(blank, {}, name="blank")
