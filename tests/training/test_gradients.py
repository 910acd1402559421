"""Clipping and accumulation, against gradients worked out by hand and large batches."""

import functools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from coursekit.training.loop import fit


def rows(number: int) -> tuple[Tensor, Tensor]:
    """Random rows of four features, three classes; in double precision."""
    generator = torch.Generator().manual_seed(number)
    x = torch.randn(number, 4, generator=generator, dtype=torch.float64)
    return x, torch.randint(3, (number,), generator=generator)


def trained(data: Any, **options: Any) -> tuple[dict[str, Tensor], Any]:
    """The weights after three epochs, and the record."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.5)
    chosen: Any = {"loss_fn": nn.CrossEntropyLoss(), "every": 1, "epochs": 3} | options
    run = fit(model, data, optimizer=optimizer, **chosen)
    return model.state_dict(), run


def split(sizes: list[int]) -> tuple[list[Any], tuple[Tensor, Tensor]]:
    """Batches of those sizes, and all their rows at once."""
    x, y = rows(sum(sizes))
    return list(zip(x.split(sizes), y.split(sizes), strict=True)), (x, y)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("sizes", [[6, 6], [7, 3, 1]], ids=["equal", "unequal"])
def test_a_group_is_one_large_batch(sizes: list[int], reduction: str) -> None:
    """The same weights to rounding, and the same loss in the record, however unequal the batches.

    The mean of the batches' means would be another number: checked, so that this test can fail.
    """
    loss_fn = nn.CrossEntropyLoss(reduction=reduction)
    small, large = split(sizes)
    grouped, run = trained(small, accumulate=len(sizes), loss_fn=loss_fn)
    at_once, expected = trained([large], loss_fn=loss_fn)
    for name, weight in at_once.items():
        torch.testing.assert_close(grouped[name], weight, rtol=1e-9, atol=1e-12)
    assert run["loss"].values == pytest.approx(expected["loss"].values, rel=1e-6)
    assert run["gradient_norm"].values.shape == (3, 2)


@pytest.mark.parametrize(
    ("loss_fn", "ignored"),
    [
        (nn.CrossEntropyLoss(ignore_index=1), 1),
        (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 20.0], dtype=torch.float64)), -100),
        (functools.partial(nn.functional.cross_entropy, ignore_index=2), 2),
    ],
    ids=["ignored", "weighted", "function"],
)
def test_a_group_counts_labels_as_its_loss_does(loss_fn: Any, ignored: int) -> None:
    """By those that are not ignored, or by their weights: rows would give another gradient."""
    small, large = split([9, 6, 12])
    x, y = large
    grouped, _ = trained(small, accumulate=3, loss_fn=loss_fn)
    at_once, _ = trained([large], loss_fn=loss_fn)
    for name, weight in at_once.items():
        torch.testing.assert_close(grouped[name], weight, rtol=1e-9, atol=1e-12)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    held_out, run = trained([large], loss_fn=loss_fn, val=small, epochs=1)
    model.load_state_dict(held_out)
    with torch.no_grad():
        outputs = model(x)
    assert run["val_loss"].values == pytest.approx(loss_fn(outputs, y).item())
    right = (outputs.argmax(dim=1) == y)[y != ignored].double().mean().item()
    assert run["val_accuracy"].values == pytest.approx(right)


def test_a_batch_of_which_no_label_counts_is_left_out_of_its_group() -> None:
    """The mean over none is NaN, and the group has others."""
    (x, y), nothing = rows(6), (rows(4)[0], torch.full((4,), -100))
    grouped, run = trained([(x, y), nothing], accumulate=2)
    at_once, _ = trained([(x, y)])
    assert not any(note.startswith("Stopped") for note in run.notes)
    torch.testing.assert_close(grouped["0.weight"], at_once["0.weight"])


def test_held_out_labels_that_are_all_ignored_have_no_loss() -> None:
    """One batch of them changes nothing."""
    (x, y), nothing = rows(6), (rows(4)[0], torch.full((4,), -100))
    _, without = trained([(x, y)], val=[(x, y)])
    _, with_them = trained([(x, y)], val=[(x, y), nothing])
    assert with_them["val_loss"].values == pytest.approx(without["val_loss"].values)
    _, empty = trained([(x, y)], val=[nothing])
    assert np.isnan(empty["val_loss"].values).all()
    assert "val_accuracy" not in empty


def test_an_incomplete_last_group_is_averaged_over_its_own_rows() -> None:
    """Five batches in groups of two: three updates, the last on one batch alone."""
    small, (x, y) = split([4, 4, 4, 4, 2])
    grouped, run = trained(small, accumulate=2)
    at_once, _ = trained([(x[:8], y[:8]), (x[8:16], y[8:16]), (x[16:], y[16:])])
    assert len(run["loss"].values) == 9
    for name, weight in at_once.items():
        torch.testing.assert_close(grouped[name], weight, rtol=1e-9, atol=1e-12)


def test_more_batches_a_group_than_there_are() -> None:
    """Then an epoch is one update."""
    small, large = split([5, 2])
    grouped, run = trained(small, accumulate=10)
    at_once, _ = trained([large])
    assert len(run["loss"].values) == 3
    torch.testing.assert_close(grouped["0.weight"], at_once["0.weight"], rtol=1e-9, atol=1e-12)


class Weight(nn.Module):
    """Two weights; the loss below has the gradient (3, 4), of norm 5."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        """The weights on the row, shape (1,)."""
        return x @ self.values


@pytest.mark.parametrize(
    ("limit", "step"), [(None, (3, 4)), (10.0, (3, 4)), (1.0, (0.6, 0.8)), (2, (1.2, 1.6))]
)
@pytest.mark.parametrize("accumulate", [1, 2])
def test_clipping_by_hand(limit: float | None, step: Any, accumulate: int) -> None:
    """Shortened to the limit where it is longer; over the whole group where batches share one."""
    model = Weight()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    data = [(torch.tensor([[3.0, 4.0]]), torch.ones(1))] * accumulate
    run = fit(
        model,
        data,
        loss_fn=lambda out, _: -out.mean(),
        optimizer=optimizer,
        epochs=1,
        clip_norm=limit,
        accumulate=accumulate,
    )
    torch.testing.assert_close(model.values.detach(), torch.tensor(step, dtype=torch.float32))
    assert run["gradient_norm"].values[0, 0] == pytest.approx(sum(s * s for s in step) ** 0.5)
