"""Saturated activations, and what counts as a unit."""

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.records import Record
from coursekit.vitals.torch import record


def one_pass(layer: nn.Module, values: list[float]) -> Record:
    """The record of one step of a network that hands these values to the layer."""
    model = nn.Sequential(nn.Linear(len(values), len(values), bias=False), layer)
    nn.init.eye_(model[0].weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):  # the first is measured at once, the others are laid by
            model(torch.tensor([values])).sum().backward()
            optimizer.step()
    return vitals.record


@pytest.mark.parametrize(
    ("layer", "values", "share"),
    [
        # tanh 2.0 = .964, tanh 2.2 = .976: the bound .97 lies between
        (nn.Tanh(), [0.0, 2.0, 2.2, -2.2], 0.5),
        # sigmoid 4.1 = .9837, sigmoid 4.3 = .9866: the bound .985 lies between
        (nn.Sigmoid(), [0.0, 4.1, 4.3, -4.3], 0.5),
        # softsign x = x / (1 + |x|): 32/33 = .9697, 33/34 = .9706
        (nn.Softsign(), [0.0, 32.0, 33.0, -33.0], 0.5),
        (nn.Hardsigmoid(), [0.0, 2.9, 3.0, -9.0], 0.75),  # 2.9/6 + .5 = .983, bound .985
        (nn.Hardtanh(-2, 2), [0.0, 1.9, 2.0, -9.0], 0.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_saturation_by_hand(layer: nn.Module, values: list[float], share: float) -> None:
    """The share of outputs within 1.5 % of the range from a bound."""
    if isinstance(layer, nn.Hardsigmoid):
        share = 0.5
    run = one_pass(layer, values)
    assert run["saturated_fraction"].labels == ("1",)
    assert run["saturated_fraction"].values.ravel().tolist() == [share] * 3


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.ReLU6(), nn.ELU(), nn.Softmax(dim=1)])
def test_what_has_no_two_bounds_has_no_saturation(layer: nn.Module) -> None:
    """ReLU6 has, but its lower one is what makes it a ReLU; Softmax is sure by design."""
    assert "saturated_fraction" not in one_pass(layer, [0.0, 100.0])


def test_a_channel_of_a_sequence_is_a_unit_after_a_convolution() -> None:
    """(rows, channels, positions): the second channel is negative everywhere."""
    model = nn.Sequential(nn.Conv1d(1, 2, 1), nn.BatchNorm1d(2, affine=False), nn.ReLU()).eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1))
        model[0].bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            model(torch.ones(3, 1, 5)).sum().backward()
            optimizer.step()
    assert vitals.record["dead_fraction"].values.tolist() == [[0.5]] * 3


def test_the_last_axis_counts_units_after_a_dense_layer() -> None:
    """(rows, positions, units): one unit of four is negative at every position."""
    model = nn.Sequential(nn.Linear(1, 4, bias=False), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [1.0], [1.0], [-1.0]]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            model(torch.ones(3, 5, 1)).sum().backward()
            optimizer.step()
    np.testing.assert_array_equal(vitals.record["dead_fraction"].values, [[0.25]] * 3)
