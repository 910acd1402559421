"""What `record` reads, against an oracle that shares no code with it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from coursekit.records import Record
from coursekit.vitals.torch import record

STEPS = 12
# What the oracle below leaves out, and where each has one of its own; times have none.
ELSEWHERE = {
    "learning_rate": "test_readings_by_hand.py",
    "non_finite": "test_readings_by_hand.py",
    "train_mode": "test_readings_by_hand.py",
    "dead_fraction": "test_readings_by_hand.py",
    "label_count": "test_labels.py",
    "input_mean": "test_input_statistics_per_feature",
    "input_std": "test_input_statistics_per_feature",
    "data_time_s": "test_times.py",
    "compute_time_s": "test_times.py",
}


def conv_net() -> nn.Sequential:
    """Convolution, batch normalisation, two ReLUs, for 8 × 8 pictures."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Flatten(), nn.Linear(144, 16), nn.ReLU(), nn.Linear(16, 3),
    )  # fmt: skip


def dense_net() -> nn.Sequential:
    """Two layers on 64 pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))


def oracle(model: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> dict[str, list[float]]:
    """Loss, gradient norms, weight norms and outputs by autograd.grad, layer after layer."""
    means, stds, hidden = [], [], x
    for layer in model:
        hidden = layer(hidden)
        means.append(hidden.mean().item())
        stds.append(hidden.std(correction=0).item())
    loss = functional.cross_entropy(hidden, y)
    gradients, weights = [], []
    for layer in model:
        own = list(layer.parameters())
        if own:
            slopes = torch.autograd.grad(loss, own, retain_graph=True)
            gradients.append(torch.cat([s.flatten() for s in slopes]).norm().item())
            weights.append(torch.cat([w.flatten() for w in own]).norm().item())
    return {
        "loss": [loss.item()],
        "gradient_norm": gradients,
        "weight_norm": weights,
        "activation_mean": means,
        "activation_std": stds,
    }


def flat_weights(model: nn.Sequential) -> list[torch.Tensor]:
    """The weights of each layer that has some, end to end."""
    layers = [[p.detach().flatten() for p in layer.parameters()] for layer in model]
    return [torch.cat(own) for own in layers if own]


@pytest.mark.parametrize("build", [conv_net, dense_net])
@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        lambda p: torch.optim.AdamW(p, lr=0.01),
    ],
    ids=["momentum", "adamw"],
)
def test_every_quantity_at_every_step(
    build: Callable[[], nn.Sequential],
    make: Callable[..., torch.optim.Optimizer],
) -> None:
    """Double precision, so that only a wrong formula can differ."""
    torch.manual_seed(0)
    model = build().double()
    optimizer = make(model.parameters())
    expected: list[dict[str, list[float]]] = []
    with record(model, optimizer, every=1) as vitals:
        for _ in range(STEPS):
            x, y = torch.randn(10, 1, 8, 8).double(), torch.randint(3, (10,))
            with torch.no_grad():
                before = flat_weights(model)
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            expected.append(_train_mode_oracle(model, x, y))
            optimizer.step()
            expected[-1]["update_ratio"] = [
                ((new - old).norm() / old.norm()).item()
                for old, new in zip(before, flat_weights(model), strict=True)
            ]
    _same(vitals.record, expected)


def _train_mode_oracle(
    model: nn.Sequential, x: torch.Tensor, y: torch.Tensor
) -> dict[str, list[float]]:
    """The oracle in train mode, with the moving averages of BatchNorm put back after it."""
    saved = {name: value.clone() for name, value in model.state_dict().items()}
    numbers = oracle(model, x, y)
    model.load_state_dict(saved)
    return numbers


def _same(run: Record, expected: list[dict[str, list[float]]]) -> None:
    """Every expected number is in the record, and the record holds nothing that no oracle knows."""
    strangers = set(run.series) - set(expected[0]) - set(ELSEWHERE)
    assert not strangers, f"Work {strangers} out in `oracle`, or name its own test in ELSEWHERE."
    assert run["loss"].steps.tolist() == list(range(STEPS))
    for quantity in expected[0]:
        want = np.array([numbers[quantity] for numbers in expected])
        got = run[quantity].values.reshape(want.shape)
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12, err_msg=quantity)


def test_input_statistics_per_feature() -> None:
    """Columns of very different spread, against numpy in double precision."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)) * [1.0, 300.0, 0.01] + [0.0, 1e4, 5.0]
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with record(model, optimizer) as vitals:
        model(torch.tensor(x, dtype=torch.float32)).mean().backward()
        optimizer.step()
    np.testing.assert_allclose(vitals.record["input_mean"].values[0], x.mean(0), rtol=1e-4)
    np.testing.assert_allclose(vitals.record["input_std"].values[0], x.std(0), rtol=1e-3)


def test_half_precision_is_measured_in_single() -> None:
    """The mean of 4096 entries of bfloat16 is off by percents where it is summed in bfloat16."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU()).bfloat16()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x = torch.randn(64, 64).bfloat16()
    with record(model, optimizer) as vitals:
        output = model(x)
        output.float().sum().backward()
        optimizer.step()
    want = output.detach().double().mean().item()
    assert vitals.record.of_layer("activation_mean", "1")[0] == pytest.approx(want, rel=1e-5)
