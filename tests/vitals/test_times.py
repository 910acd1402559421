"""Seconds between steps and in steps, on a loop that sleeps."""

import time

import numpy as np
import torch
from torch import nn

from coursekit.vitals.torch import record

NAP = 0.03


class Sleeper(nn.Linear):
    """Computes for a while."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A linear layer that takes its time."""
        time.sleep(NAP)
        return super().forward(x)


def test_waiting_and_computing_are_told_apart() -> None:
    """Asleep in the loader for one nap, in the model for two: no less than that, and apart."""
    model = nn.Sequential(Sleeper(2, 2), Sleeper(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    begin = time.perf_counter()
    with record(model, optimizer, every=1) as vitals:
        for _ in range(4):
            time.sleep(NAP)
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    total = time.perf_counter() - begin
    waited, computed = vitals.record["data_time_s"], vitals.record["compute_time_s"]
    assert waited.unit == computed.unit == "s"
    assert (waited.values >= NAP).all()
    assert (computed.values >= 2 * NAP).all()
    assert waited.values.sum() + computed.values.sum() <= total


def test_with_accumulation_both_waits_count() -> None:
    """Two batches before a step: two naps waited for, and none of them computed."""
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(2):
            optimizer.zero_grad()
            for _ in range(2):
                time.sleep(NAP)
                model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    assert (vitals.record["data_time_s"].values >= 2 * NAP).all()


def test_a_step_without_a_forward_pass_has_no_times() -> None:
    """Gradients set by hand."""
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as vitals:
        model.weight.grad = torch.ones(1, 2)
        optimizer.step()
    assert np.isnan(vitals.record["data_time_s"].values).all()
