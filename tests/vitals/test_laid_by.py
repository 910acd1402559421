"""Readings that are laid by and reduced together are those that are measured at once."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from coursekit.records import Record
from coursekit.vitals.torch import Vitals, record

TIMES = ("data_time_s", "compute_time_s")


def in_place() -> nn.Module:
    """A ReLU that overwrites the output of the layer before it, and random numbers."""
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Dropout(0.3), nn.Linear(8, 3))


def pictures() -> nn.Module:
    """Convolution, batch normalisation, views, bounded activations."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Flatten(),
        nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3), nn.Sigmoid(),
    )  # fmt: skip


def batches(sizes: list[int]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Random rows of six features with labels of three classes, in batches of these sizes."""
    for size in sizes:
        yield torch.randn(size, 6), torch.randint(3, (size,))


def train(build: Callable[[], nn.Module], sizes: list[int], *, stage: bool) -> Record:
    """One step a batch, every step read; `stage` False measures each at once."""
    torch.manual_seed(0)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with record(model, optimizer, every=1) as vitals:
        if not stage:
            vitals._forward.survey = None
        for x, y in batches(sizes):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        assert (vitals._desk._stage is not None) == stage
    return vitals.record


def assert_same(laid_by: Record, at_once: Record) -> None:
    """The same quantities at the same steps, in single precision."""
    assert list(laid_by.series) == list(at_once.series)
    assert laid_by.notes == at_once.notes
    for quantity, series in at_once.series.items():
        assert laid_by[quantity].labels == series.labels
        np.testing.assert_array_equal(laid_by[quantity].steps, series.steps, err_msg=quantity)
        if quantity not in TIMES:
            got = laid_by[quantity].values
            np.testing.assert_allclose(got, series.values, rtol=2e-5, atol=1e-6, err_msg=quantity)


@pytest.mark.parametrize("build", [in_place, pictures])
@pytest.mark.parametrize(
    "sizes",
    [[12] * 80, ([12] * 7 + [5]) * 6, [3, 9, 4, 4, 12, 1]],
    ids=["equal", "a smaller last batch", "all different"],
)
def test_laid_by_is_measured_at_once(build: Callable[[], nn.Module], sizes: list[int]) -> None:
    """Over several fillings of the rows, and with batches that do not fit into them."""
    if build is pictures:
        sizes = [max(size, 2) for size in sizes]  # BatchNorm needs two rows in train mode
    assert_same(train(build, sizes, stage=True), train(build, sizes, stage=False))


class Branching(nn.Module):
    """Calls its second layer in every other pass only."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.relu = nn.Linear(6, 6), nn.Linear(6, 6), nn.ReLU()
        self.out = nn.Linear(6, 3)
        self.passes = 0

    def forward(self, x: torch.Tensor) -> Any:
        """With the second layer in odd passes."""
        self.passes += 1
        hidden = self.first(x)
        if self.passes % 2 == 0:
            hidden = self.second(self.relu(hidden))
        return self.out(hidden)


def test_a_layer_that_is_called_now_and_then() -> None:
    """NaN where it was not; neither path drops or invents a number."""
    laid_by, at_once = (train(Branching, [4] * 12, stage=stage) for stage in (True, False))
    means = laid_by.of_layer("activation_mean", "second")
    assert np.isnan(means[0::2]).all()
    assert np.isfinite(means[1::2]).all()
    np.testing.assert_allclose(means, at_once.of_layer("activation_mean", "second"), rtol=1e-5)


def test_non_finite_gradients_are_counted_row_by_row() -> None:
    """Weight w = 1, input ∞ at step 20 only: loss, gradient, and from then on w are not finite."""
    model = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, every=1) as vitals:
        for step in range(22):
            optimizer.zero_grad()
            model(torch.full((2, 1), torch.inf if step == 20 else 1.0)).mean().backward()
            optimizer.step()
    assert vitals.record["non_finite"].values.tolist() == [0.0] * 20 + [2.0, 1.0]


def test_weights_whose_memory_was_replaced() -> None:
    """``weight.data = …`` between two steps is seen, and is not taken for a step."""
    model = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with record(model, optimizer, every=1) as vitals:
        for step in range(10):
            model.weight.data = torch.full((1, 1), float(2 + step))
            optimizer.zero_grad()
            model(torch.ones(1, 1)).sum().backward()
            optimizer.step()
    assert vitals.record["weight_norm"].values.ravel().tolist() == [
        2.0 + step for step in range(10)
    ]
    expected = [1 / (2 + step) for step in range(10)]
    np.testing.assert_allclose(vitals.record["update_ratio"].values.ravel(), expected, rtol=1e-6)


def test_labels_and_inputs_are_those_of_the_step() -> None:
    """A loader may hand out the same memory again and again; each row keeps what it saw."""
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
    with record(model, optimizer, every=1) as vitals:
        for step in range(8):
            x.fill_(step)
            y.fill_(step % 3)
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert vitals.record["input_mean"].values[:, 0].tolist() == list(range(8))
    assert vitals.record["label_count"].values.argmax(axis=1).tolist() == [0, 1, 2] * 2 + [0, 1]


def test_the_record_can_be_read_while_readings_wait() -> None:
    """Nothing is lost or written twice by looking."""
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(vitals: Vitals) -> int:
        optimizer.zero_grad()
        model(torch.ones(3, 2)).mean().backward()
        optimizer.step()
        return vitals.step

    with record(model, optimizer, every=1) as vitals:
        for done in (step(vitals) for _ in range(40)):
            if done % 7 == 0:
                assert vitals.record["loss"].steps.tolist() == list(range(done))
    assert vitals.record["loss"].steps.tolist() == list(range(40))


def test_large_outputs_are_not_kept() -> None:
    """Their memory is the user's: each is reduced in its hook."""
    model = nn.Sequential(nn.Linear(2, 300), nn.ReLU(), nn.Linear(300, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            model(torch.ones(200, 2)).mean().backward()
            assert vitals._forward._pass.outputs == {}
            optimizer.step()
        assert vitals._desk._stage is None
    assert np.isfinite(vitals.record["activation_std"].values).all()
