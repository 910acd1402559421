"""What is special to exercise 08; what holds for every exercise stands in test_exercises."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.checks import CheckFailed
from coursekit.checks import missing_and_corrupted_data as checks
from coursekit.checks.missing_and_corrupted_data import doubtful, fill, runs
from coursekit.checks.missing_and_corrupted_data.diagnose import LIMITS
from coursekit.checks.missing_and_corrupted_data.situations import situations
from coursekit.checks.missing_and_corrupted_data.tables import MARK, SHARE, read_wine_file
from coursekit.datasets import load_dataset


@pytest.fixture(scope="module")
def solution(solutions: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return solutions("missing_and_corrupted_data")


@pytest.fixture(scope="module")
def healthy(solution: dict[str, Any]) -> runs.Run:
    return runs.read(solution["experiment"](3, na=MARK))


def holding(run: runs.Run) -> list[str]:
    """The letters that hold, B apart: it is judged by other runs."""
    return [letter for letter, cause in runs.CAUSES.items() if cause.holds(run)]


# Scripts with one fault each, by the letter that must hold: keywords of the exercise's script.
FAULTS: dict[str, dict[str, Any]] = {
    "C": {"na": MARK, "fill": np.nan},
    "D": {},
    "F": {"na": MARK},
}


def test_the_text_states_the_limits_that_the_check_uses(
    solution_text: Callable[[str], str],
) -> None:
    text = solution_text("missing_and_corrupted_data")
    assert f"to at least {runs.HEALTHY}," in text
    assert f"The check runs at most {LIMITS['epochs'][1]} epochs." in text
    assert "sixteen situations" in text
    assert len(situations()) == 16
    assert f"at least {doubtful.FOUND * 100:.0f} % must have one." in text


@pytest.mark.parametrize("fault", FAULTS)
def test_exactly_one_letter_holds(fault: str, solution: dict[str, Any]) -> None:
    run = runs.read(solution["experiment"](3, **FAULTS[fault]))
    assert holding(run) == [fault]


def test_what_no_keyword_makes_is_told_from_a_healthy_run(healthy: runs.Run) -> None:
    wide = healthy.reaching.copy()
    wide[:, 4] *= 1000
    assert holding(replace(healthy, reaching=wide)) == ["A", "F"]
    moved = np.random.default_rng(0).permutation(healthy.labels)
    assert holding(replace(healthy, labels=moved, accuracy=0.4)) == ["E"]


@pytest.mark.parametrize("seed", [0, 3, 108, 109])
def test_a_robust_scaler_hides_the_cause(seed: int, solution: dict[str, Any]) -> None:
    run = runs.read(solution["experiment"](seed, scaler="robust"))
    assert run.accuracy >= runs.HEALTHY
    assert runs.CAUSES["D"].holds(run)


def test_another_rate_heals_a_script_whose_rate_is_wrong(solution: dict[str, Any]) -> None:
    def slow(seed: int, *, lr: float = 1e-4) -> Any:
        return solution["experiment"](seed, na=MARK, lr=lr)

    with pytest.raises(CheckFailed, match="does not behave as it was given"):
        checks.check_diagnose(lambda: ("B", {"lr": 0.1}), slow)
    assert runs.run(slow, 3, {}).accuracy < runs.HEALTHY
    assert max(runs.run(slow, 3, one).accuracy for one in runs.OTHER_RATES) >= runs.HEALTHY


def test_a_script_that_returns_something_else(solution: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        checks.check_diagnose(lambda: ("D", {}), lambda seed: seed)
    with pytest.raises(CheckFailed, match="experiment does not return what it did"):
        runs.read(solution["experiment"](3, epochs=1) | {"rows": None})


def test_the_file_holds_holes_and_marks() -> None:
    sound = load_dataset("wine").x
    x, y = read_wine_file(5)
    assert np.isnan(x).mean() == pytest.approx(SHARE, abs=0.02)
    assert (x == MARK).mean() == pytest.approx(SHARE, abs=0.02)
    measured = ~np.isnan(x) & (x != MARK)
    assert (x[measured] == sound[measured]).all()
    assert (y == load_dataset("wine").y).all()
    assert not (sound == MARK).any()


@pytest.mark.parametrize(
    ("column", "fills"),
    [(0, {2: 1.5}), (1, {0: 20.0, 3: 20.0})],
)
def test_fills_by_hand(column: int, fills: dict[int, float], solution: dict[str, Any]) -> None:
    """The training rows hold 0 and 3 in column 0, 10 and 30 in column 1: means 1.5 and 20."""
    small = fill.tables()[0]
    filled = solution["fill"](small.x, small.rows)
    assert {
        row: filled[row, column] for row in np.flatnonzero(np.isnan(small.x[:, column]))
    } == fills


def test_every_hole_of_the_wines_can_be_filled() -> None:
    wine = fill.tables()[1]
    assert not np.isnan(wine.x[wine.rows]).all(axis=0).any()
    assert np.isnan(np.delete(wine.x, wine.rows, axis=0)).any()


@pytest.mark.parametrize("known", situations(), ids=lambda known: known.name)
def test_it_begins_where_the_situation_says(known: Any) -> None:
    """By an oracle of its own: forward hooks and anomaly detection's opposite, backward()."""
    counts: list[tuple[str, bool]] = [
        ("weights", all(bool(w.isfinite().all()) for w in known.model.parameters())),
        ("inputs", bool(known.x.isfinite().all())),
    ]
    hooks = [
        layer.register_forward_hook(
            lambda _, __, out, name=name: counts.append((name, bool(out.isfinite().all())))
        )
        for name, layer in known.model.named_children()
    ]
    loss = known.loss_fn(known.model(known.x), known.y)
    for hook in hooks:
        hook.remove()
    counts.append(("loss", bool(loss.isfinite())))
    known.model.zero_grad()
    loss.backward()
    grads = [weight.grad for weight in known.model.parameters() if weight.grad is not None]
    counts.append(("gradient", all(bool(one.isfinite().all()) for one in grads)))
    known.model.zero_grad()
    assert next((name for name, sound in counts if not sound), "nowhere") == known.expected


def test_the_solution_serves_a_model_of_ones_own(solution: dict[str, Any]) -> None:
    """Frozen layers, and one that stands twice: with it, all outputs are finite."""
    bend = nn.ReLU()
    model = nn.Sequential(nn.Linear(4, 3), bend, nn.Linear(3, 3), bend, nn.Linear(3, 2))
    model[0].requires_grad_(False)
    with torch.no_grad():
        model[2].bias.fill_(-3e38)
        model[4].weight.fill_(100.0)
    x, y = torch.ones(5, 4), torch.zeros(5, dtype=torch.long)
    assert model(x).isfinite().all()
    assert solution["began"](model, nn.CrossEntropyLoss(), x, y) == "nowhere"


def test_a_frozen_weight_without_a_gradient_stops_who_does_not_ask(
    solution: dict[str, Any],
) -> None:
    def careless(model: nn.Module, loss_fn: nn.Module, x: Any, y: Any) -> str:
        twin = copy.deepcopy(model)
        loss_fn(twin(x.clone()), y).backward()
        assert [torch.isfinite(weight.grad) for weight in twin.parameters()]  # type: ignore[arg-type]
        return str(solution["began"](model, loss_fn, x, y))

    with pytest.raises(CheckFailed, match=r"began raised TypeError: .*isfinite.*in your code"):
        checks.check_began(careless)


@pytest.mark.parametrize("came", [None, True, 1.5, ["inputs"]])
def test_a_place_that_is_no_text_is_refused(came: object) -> None:
    with pytest.raises(CheckFailed, match=r"On a sound network, began returned .* expected a text"):
        checks.check_began(lambda *_: came)


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(CheckFailed, match=r"numbers of shape \(3, 2\); expected .* \(5, 2\)"):
        checks.check_fill(lambda x, rows: x[rows])


@pytest.mark.parametrize("table", doubtful.tables(), ids=lambda table: table.name)
def test_the_wrong_labels_are_those_that_are_named(table: doubtful.Mislabelled) -> None:
    right = load_dataset("digits").y[: doubtful.ROWS]
    assert np.flatnonzero(table.y != right).tolist() == sorted(table.wrong)


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (checks.check_fill, "fill"),
        (checks.check_began, "began"),
        (checks.check_doubtful, "doubtful"),
    ],
)
def test_an_error_is_theirs_and_names_their_line(check: Any, name: str) -> None:
    def mistaken(*given: Any) -> None:
        given[0].no_such_thing()

    with pytest.raises(CheckFailed, match=rf"{name} raised AttributeError: .*in your code"):
        check(mistaken)


def test_a_loss_that_is_left_out_still_reaches_the_weights() -> None:
    """The claim of the lesson's first question: 0 times NaN is NaN on the way back too."""
    x = torch.tensor([[1.0, 2.0], [3.0, torch.nan], [5.0, 6.0]])
    layer = nn.Linear(2, 1)
    losses = layer(x)[:, 0].square()
    losses[~losses.isnan()].mean().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.isnan().all()
