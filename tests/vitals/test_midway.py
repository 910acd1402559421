"""What changes while a model is recorded is said in its notes, and only then."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.vitals.torch import Vitals, record


def build() -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """A small model and its optimizer."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    return model, torch.optim.SGD(model.parameters(), lr=0.1)


def run(model: nn.Module, optimizer: torch.optim.Optimizer, vitals: Vitals, steps: int) -> None:
    """Train for some steps; `vitals` only says that this runs inside a recording."""
    assert isinstance(vitals, Vitals)
    for _ in range(steps):
        model.zero_grad()
        model(torch.randn(5, 3)).square().mean().backward()
        optimizer.step()


def build_frozen() -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """The same, its first layer frozen, and an optimizer that holds all the same."""
    model, optimizer = build()
    model[0].requires_grad_(False)
    return model, optimizer


def test_a_layer_that_is_unfrozen_midway_is_named() -> None:
    """Both sentences are true at the end."""
    model, optimizer = build_frozen()
    with record(model, optimizer, every=1) as vitals:
        run(model, optimizer, vitals, 2)
        model[0].requires_grad_(True)
        run(model, optimizer, vitals, 2)
    frozen, joined = vitals.record.notes
    assert frozen.startswith("Frozen when the recording began")
    assert "since some time after the recording began" in joined
    assert "0.weight, 0.bias" in joined


def test_a_layer_that_is_added_midway_is_named() -> None:
    """A new head."""
    model, optimizer = build()
    with record(model, optimizer, every=1) as vitals:
        run(model, optimizer, vitals, 2)
        model[2] = nn.Linear(4, 2)
        optimizer.add_param_group({"params": model[2].parameters()})
        run(model, optimizer, vitals, 2)
    assert any("began, so" in note and "2.weight, 2.bias" in note for note in vitals.record.notes)


def test_what_happens_after_the_recording_is_not_named() -> None:
    """Neither a layer unfrozen then nor another optimizer."""
    model, optimizer = build_frozen()
    with record(model, optimizer, every=1) as vitals:
        run(model, optimizer, vitals, 2)
    model[0].requires_grad_(True)
    run(model, torch.optim.Adam(model.parameters()), vitals, 5)
    assert len(vitals.record.notes) == 1


@pytest.mark.parametrize("before", [3, 20])  # where each step is read, and where few are
def test_another_optimizer_midway_is_named(before: int) -> None:
    """Steps go on, and this optimizer does not make them."""
    model, optimizer = build()
    with record(model, optimizer) as vitals:
        run(model, optimizer, vitals, before)
        run(model, torch.optim.SGD(model.parameters(), lr=0.1), vitals, 4)
    assert vitals.step == before
    (note,) = vitals.record.notes
    assert note.startswith(f"After the last step of this optimizer ({before} in all) the weights")


def swap_weights(model: nn.Sequential) -> None:
    """As an average of weights is put in for an evaluation, and taken out."""
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    for _ in range(3):
        model.load_state_dict(kept)


def look_at_gradients(model: nn.Sequential) -> None:
    """Backward without a step, as a scaler skips it or Ctrl-C cuts it off."""
    for _ in range(3):
        model(torch.randn(5, 3)).square().mean().backward()


def train_another(_: nn.Sequential) -> None:
    """Somebody else's steps."""
    other, optimizer = build()
    for _step in range(3):
        other(torch.randn(5, 3)).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("after", [swap_weights, look_at_gradients, train_another])
def test_what_is_no_other_optimizer_is_not_named(after: Callable[[nn.Sequential], None]) -> None:
    """Nothing is said after a run that ended."""
    model, optimizer = build()
    with record(model, optimizer) as vitals:
        run(model, optimizer, vitals, 3)
        after(model)
    assert vitals.record.notes == ()


def test_two_optimizers_that_share_a_model() -> None:
    """What the other one trains is not said to be untrained."""
    model, _ = build()
    first, second = (torch.optim.SGD(model[place].parameters(), lr=0.1) for place in (0, 2))
    with record(model, first, every=1) as vitals:
        for _ in range(4):
            run(model, first, vitals, 1)
            second.step()
    (note,) = vitals.record.notes
    assert "its steps do not change: 2.weight, 2.bias" in note
    assert "does not train" not in note
    assert (vitals.record.of_layer("update_ratio", "2") == 0).all()

    with record(model[0], first, every=1) as one, record(model[2], second, every=1) as two:
        for _ in range(4):
            model.zero_grad()
            model(torch.randn(5, 3)).square().mean().backward()
            first.step()
            second.step()
    for found in (one.record, two.record):  # as the note advises
        assert (found["update_ratio"].values > 0).all()
        assert np.isfinite(found["loss"].values).all()
        assert not any("does not hold" in note for note in found.notes)
