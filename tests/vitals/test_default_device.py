"""Under a default device: each call is heard once, and what is kept on the host stays there."""

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.records import Record
from coursekit.vitals.torch import record


def train(rows: int) -> tuple[Record, list[float]]:
    """Five recorded steps of a small model on the CPU, and the losses as the loop saw them."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4, device="cpu"), nn.ReLU(), nn.Linear(4, 2, device="cpu"))
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator, device="cpu"))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    with record(model, optimizer, every=1) as vitals:
        for _ in range(5):
            optimizer.zero_grad()
            inputs = torch.randn(rows, 3, generator=generator, device="cpu")
            loss = model(inputs).square().mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return vitals.record, losses


@pytest.mark.parametrize("rows", [4, 40_000], ids=["laid by", "at once"])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_default_device_changes_nothing(device: str, rows: int) -> None:
    """It is a mode, to which ``Tensor.backward`` hands itself: called once, entered twice."""
    plain, _ = train(rows)
    with torch.device(device):
        run, losses = train(rows)
    assert run["loss"].values.tolist() == pytest.approx(losses)
    assert run.notes == plain.notes == ()
    for quantity, series in plain.series.items():
        if not quantity.endswith("_time_s"):
            np.testing.assert_array_equal(run[quantity].values, series.values, err_msg=quantity)


def test_a_backward_within_another_is_heard() -> None:
    """What a hook calls is another call: of another loss."""
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    inner, outer = model(torch.ones(1, 2)).sum(), model(torch.ones(1, 2)).sum()
    outer.register_hook(lambda _: inner.backward())
    with torch.device("cpu"), record(model, optimizer, every=1) as vitals:
        outer.backward()
        optimizer.step()
    assert vitals.record["loss"].values.tolist() == pytest.approx([inner.item() + outer.item()])
