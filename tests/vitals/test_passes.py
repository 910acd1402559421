"""Passes and calls of backward that do not go one to one."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from coursekit.records import Record
from coursekit.vitals.torch import record
from coursekit.vitals.torch.forward import SEVERAL_PASSES

LARGE = 40_000  # rows, so that outputs are measured in the hooks


def run(loss: Callable[[nn.Module], Tensor], *, steps: int = 4) -> Record:
    """A recorded run of a small network, on a loss of the network."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model).backward()
            optimizer.step()
    return vitals.record


@pytest.mark.parametrize("rows", [32, LARGE])
def test_several_passes_before_one_backward_are_named(rows: int) -> None:
    """A discriminator on real rows (mean 0) and on fakes (mean 10); both losses count."""

    def loss(model: nn.Module) -> Tensor:
        real, fake = torch.zeros(rows, 4), torch.full((rows, 4), 10.0)
        bce = functional.binary_cross_entropy_with_logits
        right, wrong = torch.ones(rows, 1), torch.zeros(rows, 1)
        return bce(model(real), right) + bce(model(fake), wrong)

    found = run(loss)
    assert SEVERAL_PASSES in found.notes
    assert (found["input_mean"].values == 10).all()
    assert found["label_count"].values.tolist() == [[rows, rows]] * 4


@pytest.mark.parametrize("rows", [32, LARGE])
def test_a_pass_between_forward_and_backward_is_named(rows: int) -> None:
    """An evaluation without no_grad hides the pass behind the loss."""

    def loss(model: nn.Module) -> Tensor:
        out = model(torch.zeros(rows, 4))
        for _ in range(3):
            model(torch.ones(rows, 4))
        return out.square().mean()  # type: ignore[no-any-return]

    assert SEVERAL_PASSES in run(loss).notes


@pytest.mark.parametrize("rows", [32, LARGE])
def test_a_pass_without_a_backward_hides_nothing(rows: int) -> None:
    """An evaluation without no_grad, before the pass that is trained on: nothing is said."""

    def loss(model: nn.Module) -> Tensor:
        for _ in range(3):
            model(torch.ones(rows, 4))
        return model(torch.zeros(rows, 4)).square().mean()  # type: ignore[no-any-return]

    found = run(loss)
    assert found.notes == ()
    assert (found["input_mean"].values == 0).all()


def test_accumulation_is_not_several_passes() -> None:
    """Each pass has a backward of its own."""

    def loss(model: nn.Module) -> Tensor:
        model(torch.ones(8, 4)).square().mean().backward()
        return model(torch.zeros(8, 4)).square().mean()  # type: ignore[no-any-return]

    notes = run(loss).notes
    assert SEVERAL_PASSES not in notes
    assert any("backward was called more than once" in note for note in notes)


class Checkpointed(nn.Module):
    """Computes its hidden layer again in the backward pass."""

    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.out, self.reentrant = nn.Linear(8, 1), reentrant

    def forward(self, x: Tensor) -> Tensor:
        """A hidden layer and an output."""
        hidden = checkpoint(self.hidden, x, use_reentrant=self.reentrant)
        return self.out(hidden)  # type: ignore[no-any-return]


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("rows", [8, LARGE])
def test_a_checkpoint_is_one_call(reentrant: bool, rows: int) -> None:
    """What is computed again is not called more than once; every layer is read all the same."""
    model = Checkpointed(reentrant=reentrant)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.ones(rows, 4, requires_grad=True)).square().mean().backward()
            optimizer.step()
    assert vitals.record.notes == ()
    assert np.isfinite(vitals.record["activation_mean"].values).all()


@pytest.mark.parametrize("to_none", [True, False])
def test_a_batch_whose_gradient_is_discarded_does_not_count(to_none: bool) -> None:
    """Every other loss is a hundred times as large, and is skipped after its backward."""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    with record(model, optimizer, every=1) as vitals:
        for number in range(11):
            optimizer.zero_grad(set_to_none=to_none)
            loss = model(torch.ones(2, 3)).square().mean() * (100 if number % 2 else 1)
            loss.backward()
            if number % 2:
                continue
            optimizer.step()
            losses.append(loss.item())
    np.testing.assert_allclose(vitals.record["loss"].values, losses, rtol=1e-6)
    assert not any("backward" in note for note in vitals.record.notes)


def test_gradients_that_are_written_to_still_count() -> None:
    """Clipped after each of two batches: they are not cleared, so both losses count."""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    with record(model, optimizer, every=1) as vitals:
        for _ in range(4):
            optimizer.zero_grad()
            for _ in range(2):  # the weight's gradient is 0, the bias's is not
                loss = model(torch.zeros(2, 3)).square().mean()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            losses.append(2 * loss.item())
    np.testing.assert_allclose(vitals.record["loss"].values, losses, rtol=1e-6)


def test_a_backward_that_is_given_a_gradient_is_weighed() -> None:
    """Rows of a loss, each with a weight: their sum is what the gradients are of."""
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x, share = torch.randn(4, 3), torch.tensor([0.1, 0.2, 0.3, 0.4])
    losses = []
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            optimizer.zero_grad()
            rows = model(x).square().squeeze(1)
            rows.backward(gradient=share)
            losses.append((rows.detach() * share).sum().item())
            optimizer.step()
            optimizer.zero_grad()
            rows = model(x).square().squeeze(1)
            rows.backward(share, retain_graph=True)
            losses.append(losses[-1])
            optimizer.step()
    np.testing.assert_allclose(vitals.record["loss"].values, losses, rtol=1e-6)
