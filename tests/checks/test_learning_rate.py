"""What is special to exercise 03; what holds for every exercise stands in test_exercises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.checks import CheckFailed
from coursekit.checks import learning_rate as checks
from coursekit.checks.learning_rate.diagnose import LIMITS
from coursekit.checks.learning_rate.pick_rate import ARRIVED, STEPS
from coursekit.checks.learning_rate.runs import CAUSES, HEALTHY, read


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("learning_rate")


def test_the_text_states_the_limits_that_the_checks_use(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("learning_rate")
    assert f"to at least {HEALTHY}." in text
    assert f"at most {LIMITS['epochs'][1]} epochs" in text
    assert f"for {STEPS} steps at your rate" in text
    assert f"come down to at most {ARRIVED} of what it was" in text


@pytest.mark.parametrize(
    ("task", "answer", "text"),
    [
        ("descend", lambda *_: None, "descend returned None; .* Is the return missing"),
        ("descend", lambda *_: [1.0], r"numbers of shape \(1,\); expected numbers of shape \(7,\)"),
        ("descend", lambda *_: 1 / 0, "descend raised ZeroDivisionError"),
        ("step_ratio", lambda *_: 0.4, r"numbers of shape \(\); expected numbers of shape \(1,\)"),
        ("step_ratio", lambda *_: [float("nan")], "NaN or infinite"),
        ("pick_rate", lambda *_: "fast", "pick_rate returned the text 'fast'"),
        ("pick_rate", lambda *_: -1.0, "returned -1; expected a learning rate above 0"),
        ("pick_rate", lambda *_: float("inf"), "NaN or infinite"),
    ],
)
def test_an_answer_of_the_wrong_kind(task: str, answer: Callable[..., Any], text: str) -> None:
    with pytest.raises(CheckFailed, match=text):
        getattr(checks, f"check_{task}")(answer)


@pytest.mark.parametrize("spoil", [lambda _: None, lambda run: run["model"], lambda _: {"lr": 1.0},
                                   lambda run: run | {"model": nn.Sequential()}])  # fmt: skip
def test_a_script_that_returns_something_else(
    spoil: Callable[[dict[str, Any]], Any], solution: dict[str, Any]
) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did: a dictionary"):
        read(spoil(solution["experiment"](0, epochs=1)))


def faulty(fault: str, *, lr: float | None = None, gamma: float | None = None) -> dict[str, Any]:
    """A script of wine with the fault of a letter; F is healthy."""
    rate = {"A": 30.0, "B": 3e-4, "E": 0.003}.get(fault, 0.1) if lr is None else lr
    decay = (1e-3 if fault == "E" else 1.0) if gamma is None else gamma
    x, y = (torch.tensor(part) for part in load_wine(return_X_y=True))
    order = torch.randperm(178, generator=torch.Generator().manual_seed(3))
    rows, held_out = order[:89], order[89:]
    scaled = ((x - x[rows].mean(0)) / x[rows].std(0)).float()
    inputs = x.float() if fault == "C" else scaled
    train = TensorDataset(inputs[rows], y[rows])
    test = TensorDataset((x.float() if fault == "D" else inputs)[held_out], y[held_out])
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    losses = []
    for _ in range(30):
        for batch in torch.randperm(89).split(16):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(train[batch][0]), train[batch][1])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        optimizer.param_groups[0]["lr"] *= decay
    return {"model": model, "train": train, "test": test, "losses": losses, "lr": rate}


def blamed(fault: str) -> list[str]:
    """The letters that hold for a script with a fault."""
    run, letters = read(faulty(fault)), []
    for letter, cause in CAUSES.items():
        others = cause.others(run) if run.accuracy < HEALTHY else ()
        heals = any(read(faulty(fault, **other)).accuracy >= HEALTHY for other in others)
        if cause.holds(run) or heals:
            letters.append(letter)
    return letters


@pytest.mark.parametrize("fault", CAUSES)
def test_each_letter_is_true_of_a_script_with_that_fault_alone(fault: str) -> None:
    assert blamed(fault) == [fault]


def test_reading_a_run_leaves_its_model_as_it_was(solution: dict[str, Any]) -> None:
    run = solution["experiment"](0, epochs=2)
    before = {name: value.clone() for name, value in run["model"].state_dict().items()}
    assert read(run).accuracy == pytest.approx(run["accuracy"])
    after = run["model"].state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert not run["model"].training
