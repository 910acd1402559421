"""When a scheduler is stepped; expected learning rates are worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from coursekit.errors import BadInputError, UnknownNameError
from coursekit.training.loop import fit

X, Y = torch.randn(8, 2, generator=torch.Generator().manual_seed(0)), torch.ones(8, 1)


def run(build: Any, **options: Any) -> Any:
    """Four epochs of three batches, with the scheduler that `build` makes from the optimizer."""
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    defaults = {"data": [(X, Y)] * 3, "epochs": 4, "every": 1, "loss_fn": nn.MSELoss()}
    chosen: Any = defaults | options
    return fit(model, optimizer=optimizer, scheduler=build(optimizer), **chosen)


def rates(build: Any, **options: Any) -> list[float]:
    """The learning rate of each step, in units of the first."""
    return (run(build, **options)["learning_rate"].values / 0.1).tolist()


def halved(optimizer: Any) -> Any:
    """Halved at each step of the scheduler."""
    return lr_scheduler.ExponentialLR(optimizer, 0.5)


def test_once_an_epoch() -> None:
    """Three steps at each rate."""
    expected = [0.5**epoch for epoch in range(4) for _ in range(3)]
    np.testing.assert_allclose(rates(halved), expected)


def test_once_a_batch() -> None:
    """Each step at half the rate of the one before."""
    expected = [0.5**step for step in range(12)]
    np.testing.assert_allclose(rates(halved, scheduler_per="batch"), expected)


def test_once_an_update_where_batches_share_one() -> None:
    """Three batches in groups of two are two updates."""
    expected = [0.5**step for step in range(8)]
    np.testing.assert_allclose(rates(halved, scheduler_per="batch", accumulate=2), expected)


def test_plateau_is_given_the_validation_loss() -> None:
    """A loss that never improves: halved after each epoch but the first."""

    def plateau(optimizer: Any) -> Any:
        optimizer.param_groups[0]["lr"] = 1e-12
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, eps=0)

    got = np.array(rates(plateau, data=[(X, Y)], val=[(X, Y)])) * 1e11
    np.testing.assert_allclose(got, [1, 1, 0.5, 0.25])


def test_a_cycle_of_just_the_right_length() -> None:
    """From a 25th of the top, up to it, and down again."""
    got = rates(
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=12), scheduler_per="batch"
    )
    assert got[0] == pytest.approx(1 / 25)
    assert max(got) == pytest.approx(1, rel=0.02)
    assert got[-1] < got[0]


def test_a_chain_and_a_sequence_are_stepped_too() -> None:
    """Both halve, then the chain's other link halves again."""
    chained = rates(lambda o: lr_scheduler.ChainedScheduler([halved(o), halved(o)]))
    np.testing.assert_allclose(chained[::3], [0.25**epoch for epoch in range(4)])
    sequence = rates(
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.ConstantLR(o, factor=1.0), halved(o)], milestones=[2]
        )
    )
    np.testing.assert_allclose(sequence[::3], [1, 1, 1, 0.5])


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "plateau without val": (lr_scheduler.ReduceLROnPlateau, {}, "Pass val="),
    "plateau per batch": (
        lr_scheduler.ReduceLROnPlateau,
        {"scheduler_per": "batch", "val": [(X, Y)]},
        "known once an epoch",
    ),
    "plateau upside down": (
        lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="max"),
        {"val": [(X, Y)]},
        "Use mode='min'",
    ),
    "a cycle in batches, stepped per epoch": (
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=12),
        {},
        "built for 12 more steps, but this run makes 4, one an epoch",
    ),
    "a cycle in epochs, stepped per batch": (
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=4),
        {"scheduler_per": "batch"},
        "built for 4 more steps, but this run makes 12, one an update",
    ),
    "a cycle that counts batches, not updates": (
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=12),
        {"scheduler_per": "batch", "accumulate": 3},
        "but this run makes 4, one an update",
    ),
    "a cycle that never comes round": (
        lambda o: lr_scheduler.CyclicLR(o, base_lr=0.01, max_lr=0.1),
        {"scheduler_per": "batch"},
        "cycles of 4000 steps, but this run makes 12",
    ),
    "not a scheduler": (lambda _: "cosine", {}, "scheduler is a str"),
    "of another optimizer": (
        lambda _: halved(torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)),
        {},
        "belongs to another optimizer",
    ),
}


@pytest.mark.parametrize(("build", "options", "says"), BAD.values(), ids=BAD.keys())
def test_schedulers_that_cannot_work(build: Any, options: dict[str, Any], says: str) -> None:
    """Refused before the first step, in a sentence."""
    with pytest.raises(BadInputError, match=says):
        run(build, **options)


def test_an_unknown_moment() -> None:
    """Listed are those that exist."""
    with pytest.raises(UnknownNameError, match="epoch, batch"):
        run(halved, scheduler_per="step")


@pytest.mark.parametrize("per", ["epoch", "batch"])
def test_a_scheduler_that_is_stepped_twice(per: str) -> None:
    """By fit and by a loss function that steps it too."""
    kept = []

    def build(optimizer: Any) -> Any:
        kept.append(halved(optimizer))
        return kept[0]

    def stepping_loss(outputs: Any, labels: Any) -> Any:
        if getattr(kept[0].optimizer, "_opt_called", False):
            kept[0].step()
        return nn.functional.mse_loss(outputs, labels)

    with pytest.raises(BadInputError, match="ExponentialLR is stepped twice"):
        run(build, loss_fn=stepping_loss, scheduler_per=per)


def test_a_scheduler_may_have_made_steps_before() -> None:
    """A second fit with the same scheduler goes on where the first ended."""
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = halved(optimizer)
    for _ in range(2):
        again = fit(
            model,
            [(X, Y)],
            loss_fn=nn.MSELoss(),
            optimizer=optimizer,
            scheduler=scheduler,
            epochs=2,
        )
    np.testing.assert_allclose(again["learning_rate"].values, [0.025, 0.0125])


def test_a_cycle_is_held_against_the_whole_of_a_resumed_run(tmp_path: Path) -> None:
    """Not against what is left: a cycle of six epochs fits into ten, of which seven are done."""

    def cycle(optimizer: Any) -> Any:
        return lr_scheduler.CyclicLR(optimizer, 0.01, 0.1, step_size_up=3)

    whole = rates(cycle, epochs=10)
    path = tmp_path / "run.pt"
    run(cycle, epochs=7, checkpoint=path)
    gone_on = rates(cycle, epochs=10, checkpoint=path, resume=True)
    np.testing.assert_array_equal(gone_on, whole)
