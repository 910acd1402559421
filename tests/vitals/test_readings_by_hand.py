"""What `record` reads, against a network whose numbers are worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.vitals.torch import record

LR = 0.1


def network() -> nn.Sequential:
    """One row x = (1, 2) gives 3 at the output; the second hidden unit is dead."""
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        for parameter, values in zip(
            model.parameters(),
            ([[1.0, 1.0], [-1.0, -1.0]], [0.0, 0.0], [[1.0, 5.0]], [0.0]),
            strict=True,
        ):
            parameter.copy_(torch.tensor(values))
    return model


def one_step(model: nn.Module, optimizer: torch.optim.Optimizer, target: float = 1.0) -> None:
    """One update on the row (1, 2), by the squared error."""
    optimizer.zero_grad()
    error = model(torch.tensor([[1.0, 2.0]])) - target
    error.square().sum().backward()
    optimizer.step()


def test_all_quantities_of_the_first_step() -> None:
    """Row (1, 2), W1 = [[1, 1], [-1, -1]], b1 = 0: before ReLU (3, -3), after it h = (3, 0).

    W2 = (1, 5), b2 = 0: output 3, target 1, loss (3 - 1)² = 4, and dL/d(output) = 2 · 2 = 4.
    Layer 2: dW2 = 4h = (12, 0), db2 = 4: norm √(144 + 16) = √160; weights √(1 + 25) = √26.
    Layer 0: dh = 4 W2 = (4, 20), the second stopped by ReLU; dW1 = [[4, 8], [0, 0]], db1 = (4, 0):
    norm √(16 + 64 + 16) = √96; weights √4 = 2. SGD moves each weight by LR times its gradient.
    """
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    with record(model, optimizer) as vitals:
        one_step(model, optimizer)
    run = vitals.record
    expected = {
        "loss": 4.0,
        "learning_rate": LR,
        "gradient_norm": [math.sqrt(96), math.sqrt(160)],
        "weight_norm": [2, math.sqrt(26)],
        "update_ratio": [LR * math.sqrt(96) / 2, LR * math.sqrt(160 / 26)],
        "activation_mean": [0, 1.5, 3],
        "activation_std": [3, 1.5, 0],
        "dead_fraction": [0.5],
        "input_mean": [1, 2],
        "input_std": [0, 0],
        "non_finite": 0,
        "train_mode": 1,
    }
    assert set(run.series) == {*expected, "data_time_s", "compute_time_s"}
    for quantity, value in expected.items():
        assert run[quantity].steps.tolist() == [0]
        np.testing.assert_allclose(run[quantity].values[0], value, rtol=1e-6, err_msg=quantity)
    assert run["gradient_norm"].labels == ("0", "2")
    assert run["activation_mean"].labels == run.layers == ("0", "1", "2")
    assert run["dead_fraction"].labels == ("1",)
    assert run["input_mean"].labels == ("0", "1")
    assert run.notes == ()


def test_update_ratio_is_what_adam_really_did() -> None:
    """The first Adam step is LR · sign(gradient): three entries of layer 0 move, two of layer 2."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    with record(model, optimizer) as vitals:
        one_step(model, optimizer)
    expected = [LR * math.sqrt(3) / 2, LR * math.sqrt(2 / 26)]
    np.testing.assert_allclose(vitals.record["update_ratio"].values[0], expected, rtol=1e-5)


def test_the_gradient_is_the_one_that_the_step_uses() -> None:
    """Clipped to norm 1 in all, so the layers share √96 : √160 of it."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    with record(model, optimizer) as vitals:
        (model(torch.tensor([[1.0, 2.0]])) - 1).square().sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    expected = [math.sqrt(96 / 256), math.sqrt(160 / 256)]
    np.testing.assert_allclose(vitals.record["gradient_norm"].values[0], expected, rtol=1e-5)


def test_a_unit_counts_as_dead_only_over_the_whole_window() -> None:
    """The only unit fires at step 0 and never again: it is dead from step 8 on, not before."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    nn.init.constant_(model[0].weight, 1.0)
    nn.init.constant_(model[0].bias, 0.0)
    with record(model, optimizer) as vitals:
        for step in range(10):
            model(torch.ones(4, 1) if step == 0 else -torch.ones(4, 1)).sum().backward()
            optimizer.step()
    assert vitals.record.of_layer("dead_fraction", "1").tolist() == [0.0] * 8 + [1.0] * 2


def test_a_channel_is_one_unit() -> None:
    """Two channels of four pixels; the second is negative everywhere."""
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        model[0].bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    with record(model, optimizer) as vitals:
        model(torch.ones(3, 1, 2, 2)).sum().backward()
        optimizer.step()
    assert vitals.record["dead_fraction"].values.tolist() == [[0.5]]


def test_non_finite_values_are_counted() -> None:
    """An infinite target: the loss is infinite, and so is what its gradient meets.

    error = -inf, dL/d(output) = -inf. dW2 = -inf · (3, 0) = (-inf, NaN), db2 = -inf: 3 values.
    dh = (-inf, -inf), the second stopped by ReLU; dW1 = [[-inf, -inf], [0, 0]], db1 = (-inf, 0):
    3 values. With the loss, 7.
    """
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    with record(model, optimizer) as vitals:
        one_step(model, optimizer, target=math.inf)
    assert vitals.record["non_finite"].values.tolist() == [7.0]
    assert vitals.record["loss"].values.tolist() == [math.inf]


def test_accumulated_losses_add_up() -> None:
    """Two calls of backward before a step: losses 4 and 4, and the gradient doubles."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    with record(model, optimizer) as vitals:
        for _ in range(2):
            (model(torch.tensor([[1.0, 2.0]])) - 1).square().sum().backward()
        optimizer.step()
    run = vitals.record
    assert run["loss"].values.tolist() == [8.0]
    assert run.of_layer("gradient_norm", "0")[0] == pytest.approx(2 * math.sqrt(96))
    assert any("more than once" in note for note in run.notes)


def test_a_loss_whose_gradient_was_thrown_away_does_not_count() -> None:
    """A step is skipped after a bad batch: the next reading is of the second batch alone."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    with record(model, optimizer) as vitals:
        (1000 * model(torch.tensor([[1.0, 2.0]]))).sum().backward()
        one_step(model, optimizer)
    assert vitals.record["loss"].values.tolist() == [4.0]
    assert vitals.record.notes == ()


def test_a_closure_is_read_at_its_first_evaluation() -> None:
    """LBFGS evaluates several times in a step; the first is at the weights before it."""
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.01)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (model(torch.tensor([[1.0, 2.0]])) - 1).square().sum()
        loss.backward()
        return loss

    with record(model, optimizer) as vitals:
        optimizer.step(closure)
    run = vitals.record
    assert run["loss"].values.tolist() == [4.0]
    np.testing.assert_allclose(run["gradient_norm"].values[0], [math.sqrt(96), math.sqrt(160)])
    assert run["learning_rate"].values.tolist() == [0.01]
    assert any("closure" in note for note in run.notes)


@pytest.mark.parametrize("rows", [1, 80_000], ids=["laid by", "at once"])
@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_faint_and_strong_gradients_are_measured(size: float, rows: int) -> None:
    """Their squares are 0 and infinite in single precision; a vanishing gradient is not 0.

    Loss: size · (sum of outputs) / rows, inputs 3 and 4: the gradient is size · (3, 4).
    """
    model = nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with record(model, optimizer, every=1) as vitals:
        for _ in range(3):
            nn.init.zeros_(model.weight)
            optimizer.zero_grad()
            (model(torch.tensor([[3.0, 4.0]]).expand(rows, 2)).sum() / rows * size).backward()
            optimizer.step()
    np.testing.assert_allclose(vitals.record["gradient_norm"].values, 5 * size, rtol=1e-3)
