"""A recording that stops, and goes on in another process."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from coursekit.records import Record
from coursekit.vitals.torch import record


def model_of(seed: int) -> nn.Sequential:
    """Some units die in the course of this run."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, start: int, stop: int) -> None:
    """The steps with these numbers; each has a batch of its own."""
    for step in range(start, stop):
        torch.manual_seed(step)
        x, y = torch.randn(4, 3), torch.randint(2, (4,))
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()


@pytest.mark.parametrize("every", [None, 1, 7])
@pytest.mark.parametrize("stop", [1, 20, 33])
def test_the_record_is_that_of_one_run(stop: int, every: int | None) -> None:
    """All readings, the schedule, the window of dead units, notes and numbers of one's own."""

    def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=1.0)

    whole = model_of(0)
    optimizer = optimizer_of(whole)
    with record(whole, optimizer, every=every) as vitals:
        steps(whole, optimizer, 0, stop)
        vitals.log("mine", 1.5, unit="m")
        steps(whole, optimizer, stop, 50)
    expected = vitals.record

    model = model_of(0)
    optimizer = optimizer_of(model)
    with record(model, optimizer, every=every) as first:
        steps(model, optimizer, 0, stop)
        first.log("mine", 1.5, unit="m")
        state = through_a_file(first.state_dict())
    with record(model, optimizer, every=every) as second:
        second.load_state_dict(state)
        assert second.step == stop
        steps(model, optimizer, stop, 50)
    assert_equal(second.record, expected)


def through_a_file(state: dict[str, Any]) -> Any:
    """Written and read as a checkpoint is, plain types only."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def assert_equal(run: Record, expected: Record) -> None:
    """To the last bit; all but the times, which are measured anew."""
    assert list(run.series) == list(expected.series)
    assert run.notes == expected.notes
    for quantity, series in expected.series.items():
        np.testing.assert_array_equal(run[quantity].steps, series.steps, err_msg=quantity)
        if not quantity.endswith("time_s"):
            np.testing.assert_array_equal(run[quantity].values, series.values, err_msg=quantity)
