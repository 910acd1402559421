"""A live run equals a fresh run, and leaves no trace on anything else."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases import get_case
from coursekit.cases.case import Recipe, Setup
from coursekit.cases.plain import evaluate, train
from coursekit.widgets.exploration import Watch
from coursekit.widgets.trial import Trial

FIXED = get_case("unscaled-features").fixed


def finished(recipe: Recipe, seed: int = 0) -> Trial:
    trial = Trial(recipe, seed=seed, device="cpu", watch=Watch())
    while trial.advance():
        pass
    return trial


def build_by_hand(seed: int, device: str, *, dropout: float = 0.0, lr: float = 0.0) -> Setup:
    """Four hidden units on positive inputs: two are always zero, two never."""
    torch.manual_seed(seed)
    inputs = torch.tensor([[1.0], [2.0], [3.0], [4.0]], device=device)
    data = TensorDataset(inputs, torch.tensor([0, 0, 1, 1], device=device))
    model = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Dropout(dropout), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[-1.0], [-2.0], [1.0], [2.0]]))
        model[0].bias.zero_()
    return Setup(
        model=model.to(device),
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=lr),
        train=DataLoader(data, batch_size=2),
        val=data,
        test=data,
        epochs=5,
    )


BY_HAND = Recipe(build=build_by_hand, train=train, evaluate=evaluate)


@pytest.mark.parametrize("spread", [0.1, 100.0, 1000.0])
def test_a_trial_ends_with_the_numbers_of_a_fresh_run(spread: float) -> None:
    recipe = FIXED.having(proline_spread=spread)
    fresh = recipe.run(seed=3)
    assert finished(recipe, seed=3).outcome().scores == pytest.approx(
        fresh, rel=0, abs=0, nan_ok=True
    )


def test_its_losses_are_those_of_the_plain_loop() -> None:
    setup = FIXED.build(0, "cpu")
    losses = []
    for _ in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            losses.append(loss.item())
            loss.backward()
            setup.optimizer.step()
    trial = finished(FIXED)
    curve = trial.curve()
    assert list(curve.losses) == losses
    assert curve.planned_steps == len(losses) == 360
    assert curve.scored_at == tuple(range(6, 361, 6))
    assert trial.outcome().final_loss == pytest.approx(sum(losses[-6:]) / 6)


def test_the_step_of_divergence_is_the_first_loss_that_is_no_number() -> None:
    curve = finished(FIXED.having(proline_spread=1000.0)).curve()
    step = curve.diverged_at
    assert step is not None
    assert all(math.isfinite(loss) for loss in curve.losses[:step])
    assert not math.isfinite(curve.losses[step])


def test_what_else_runs_between_two_epochs_changes_nothing() -> None:
    recipe = BY_HAND.having(dropout=0.5, lr=0.1)
    alone = finished(recipe)
    disturbed = Trial(recipe, seed=0, device="cpu", watch=Watch())
    while disturbed.advance():
        torch.manual_seed(99)
        torch.rand(7)
    assert disturbed.curve() == alone.curve()
    assert disturbed.outcome() == alone.outcome()
    assert alone.outcome().scores == recipe.run(seed=0)
    assert finished(recipe, seed=1).curve() != alone.curve()  # dropout does use the generator


def test_a_trial_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    finished(BY_HAND.having(dropout=0.5))
    assert torch.equal(torch.get_rng_state(), before)


def test_dead_units_are_counted_as_they_are() -> None:
    assert finished(BY_HAND).outcome().dead_share == 0.5


def test_dead_units_are_not_counted_where_there_are_none_to_count() -> None:
    def without_relu(seed: int, device: str) -> Setup:
        setup = build_by_hand(seed, device)
        return replace(setup, model=nn.Sequential(nn.Linear(1, 2)))

    assert finished(replace(BY_HAND, build=without_relu)).outcome().dead_share is None
    diverged = finished(FIXED.having(proline_spread=1000.0))
    assert diverged.outcome().dead_share is None


def test_scoring_changes_no_mode_and_leaves_no_hook() -> None:
    seen: list[list[bool]] = []

    def watched(setup: Setup) -> Iterator[int]:
        setup.model[2].eval()  # a recipe may freeze one layer
        for epoch in train(setup):
            seen.append([module.training for module in setup.model])
            yield epoch
            seen.append([module.training for module in setup.model])

    trial = finished(replace(BY_HAND, train=watched))
    assert seen == [[True, True, False, True]] * len(seen)
    assert len(seen) == 10
    trial.outcome()
    model = trial._setup.model
    assert not any(module._forward_hooks for module in model.modules())


def test_a_validation_loss_inside_the_loop_is_no_training_step() -> None:
    def looking(setup: Setup) -> Iterator[int]:
        for epoch in train(setup):
            with torch.no_grad():
                setup.loss_fn(setup.model(setup.val.tensors[0]), setup.val.tensors[1])
            yield epoch

    assert len(finished(replace(BY_HAND, train=looking)).curve().losses) == 10


def test_loss_can_be_scored_in_place_of_accuracy() -> None:
    trial = Trial(BY_HAND, seed=0, device="cpu", watch=Watch(quantity="loss"))
    assert trial.advance()
    setup = build_by_hand(0, "cpu")
    with torch.no_grad():
        expected = setup.loss_fn(setup.model(setup.val.tensors[0]), setup.val.tensors[1]).item()
    assert trial.curve().scores == (expected,)


def test_a_trial_uses_one_thread_and_gives_the_others_back() -> None:
    inside: list[int] = []

    def watched(setup: Setup) -> Iterator[int]:
        for epoch in train(setup):
            inside.append(torch.get_num_threads())
            yield epoch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        finished(replace(BY_HAND, train=watched)).outcome()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(inside) == {1}


def test_gradients_leave_no_hook_and_change_nothing() -> None:
    plain, watched = (
        Trial(BY_HAND.having(lr=0.1), seed=0, device="cpu", watch=Watch(below=below))
        for below in ("score", "gradients")
    )
    weight = watched._setup.model[0].weight
    assert weight._post_accumulate_grad_hooks
    for trial in (plain, watched):
        while trial.advance():
            pass
    assert not weight._post_accumulate_grad_hooks
    assert watched.curve().losses == plain.curve().losses
    assert not watched.curve().overflowed
    given_up = Trial(BY_HAND, seed=0, device="cpu", watch=Watch(below="gradients"))
    given_up.close()
    assert not given_up._setup.model[0].weight._post_accumulate_grad_hooks


def test_the_last_finite_norm_of_each_layer_is_kept() -> None:
    def overflowing(setup: Setup) -> Iterator[int]:
        for epoch in train(setup):
            if epoch == 3:
                setup.model[3].weight.grad[0, 0] = torch.inf
            yield epoch

    trial = Trial(replace(BY_HAND, train=overflowing), seed=0, device="cpu",
                  watch=Watch(below="gradients"))  # fmt: skip
    seen = []
    while trial.advance():
        curve = trial.curve()
        seen.append((curve.overflowed, all(map(math.isfinite, curve.gradients))))
    assert seen == [(False, True), (False, True), (True, True), (False, True), (False, True)]
