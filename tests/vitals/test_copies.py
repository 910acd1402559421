"""A copy or a file of the model, made while it is recorded, is a model like any other."""

import copy
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.vitals.torch import Vitals, record


def build(*, large: bool = False) -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """A model whose outputs are laid by, or, if it is large, measured in the hooks."""
    torch.manual_seed(0)
    width = 3000 if large else 8
    model = nn.Sequential(nn.Linear(4, width), nn.ReLU(inplace=True), nn.Linear(width, 2))
    return model, torch.optim.SGD(model.parameters(), lr=0.01)


def step(model: nn.Module, optimizer: torch.optim.Optimizer, vitals: Vitals) -> None:
    """One step on the same rows; `vitals` only says that this runs inside a recording."""
    assert isinstance(vitals, Vitals)
    optimizer.zero_grad()
    model(torch.ones(32, 4)).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_copy_is_not_recorded(large: bool, after: int) -> None:
    """It is called on inputs a thousand times as large, like a target network in each step."""
    stds = []
    for copied in (False, True):
        model, optimizer = build(large=large)
        target: nn.Module = nn.Identity()
        with record(model, optimizer, every=1) as vitals:
            for number in range(8):
                if number == after and copied:
                    target = copy.deepcopy(model)
                loss = model(torch.ones(32, 4)).square().mean()
                loss = loss + 0 * target(torch.full((32, 4), 1e3)).detach().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        stds.append(vitals.record["activation_std"].values)
    np.testing.assert_array_equal(*stds)


@pytest.mark.parametrize("large", [False, True])
def test_a_copy_can_be_made_between_forward_and_backward(large: bool) -> None:
    """Where outputs wait for their reading: they are no part of the copy."""
    model, optimizer = build(large=large)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(4):
            loss = model(torch.ones(32, 4)).square().mean()
            twin = copy.deepcopy(model)
            loss.backward()
            optimizer.step()
    assert np.isfinite(vitals.record["activation_std"].values).all()
    with record(twin, torch.optim.SGD(twin.parameters(), lr=0.1), every=1):
        assert torch.equal(copy.deepcopy(twin)(torch.ones(1, 4)), twin(torch.ones(1, 4)))


def saved(model: nn.Module) -> bytes:
    """The model as the content of a file."""
    file = io.BytesIO()
    torch.save(model, file)
    return file.getvalue()


def loaded(content: bytes) -> Any:
    """The model of a file."""
    return torch.load(io.BytesIO(content), weights_only=False)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_the_model_and_its_copy_can_be_saved(large: bool, steps: int) -> None:
    """Inside and afterwards; the file asks for nothing of coursekit, and its model trains."""
    model, optimizer = build(large=large)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(steps):
            step(model, optimizer, vitals)
        best = copy.deepcopy(model)
        inside = saved(model)
        step(model, optimizer, vitals)
    x = torch.ones(2, 4)
    for content in (inside, saved(best)):
        assert b"coursekit" not in content
        again = loaded(content)
        assert torch.equal(again(x), best(x))
        again(x).sum().backward()
    assert len(vitals.record["loss"].values) == steps + 1


def test_the_recording_goes_on_as_if_nothing_had_been_copied() -> None:
    """The model keeps its hooks, to the last step."""
    model, optimizer = build()
    with record(model, optimizer, every=1) as vitals:
        for _ in range(6):
            step(model, optimizer, vitals)
            copy.deepcopy(model)
            saved(model)
    assert np.isfinite(vitals.record["activation_std"].values).all()
    assert not any(module._forward_hooks for module in model.modules())
