"""Recording changes nothing: not the weights, not the random numbers, and no hook stays."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from coursekit.errors import BadInputError
from coursekit.vitals.torch import record

Optimizer = Callable[[Any], torch.optim.Optimizer]


def plain() -> nn.Module:
    """Two dense layers."""
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


def noisy() -> nn.Module:
    """With dropout and batch normalisation, and a ReLU that works in place."""
    return nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Linear(16, 3),
    )  # fmt: skip


def sgd(parameters: Any) -> torch.optim.Optimizer:
    """Plain SGD."""
    return torch.optim.SGD(parameters, lr=0.1)


def momentum(parameters: Any) -> torch.optim.Optimizer:
    """SGD with momentum and weight decay."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01)


def adam(parameters: Any) -> torch.optim.Optimizer:
    """Adam."""
    return torch.optim.Adam(parameters, lr=0.01)


def train(
    build: Callable[[], nn.Module], make: Optimizer, *, accumulate: int, recorded: bool, every: Any
) -> dict[str, Any]:
    """Thirty steps on random rows; all that could differ afterwards."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    model = build()
    optimizer = make(model.parameters())

    def loop() -> None:
        for _ in range(30):
            optimizer.zero_grad()
            for _ in range(accumulate):
                x, y = torch.randn(12, 8), torch.randint(3, (12,))
                functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    if recorded:
        with record(model, optimizer, every=every):
            loop()
    else:
        loop()
    return {
        "weights": model.state_dict(),
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1],
        "python": random.getstate(),
    }


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("make", [sgd, momentum, adam])
@pytest.mark.parametrize("build", [plain, noisy])
@pytest.mark.parametrize("every", [None, 1, 7])
def test_the_run_is_bit_identical(
    build: Callable[[], nn.Module], make: Optimizer, accumulate: int, every: int | None
) -> None:
    """Weights, moving averages and the state of all three random generators."""
    bare = train(build, make, accumulate=accumulate, recorded=False, every=None)
    watched = train(build, make, accumulate=accumulate, recorded=True, every=every)
    for name, weight in bare["weights"].items():
        assert torch.equal(weight, watched["weights"][name]), name
    assert torch.equal(bare["torch"], watched["torch"])
    assert np.array_equal(bare["numpy"], watched["numpy"])
    assert bare["python"] == watched["python"]


def hooks_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[Any]:
    """Every place that `record` may put a hook."""
    modules = [
        hooks
        for module in model.modules()
        for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
    ]
    steps = [optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks]
    return [dict(hooks) for hooks in (*modules, *steps) if hooks]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_all_hooks_are_gone_afterwards(error: type[BaseException] | None) -> None:
    """At the end, after an exception and after Ctrl-C; and they were there meanwhile."""
    backward = torch.Tensor.backward
    model = plain()
    optimizer = sgd(model.parameters())

    def run() -> None:
        with record(model, optimizer):
            assert hooks_of(model, optimizer)
            assert torch.Tensor.backward is not backward
            if error is not None:
                raise error

    if error is None:
        run()
    else:
        with pytest.raises(error):
            run()
    assert not hooks_of(model, optimizer)
    assert torch.Tensor.backward is backward


def test_recordings_may_end_in_any_order() -> None:
    """Two controls in a notebook run side by side: the first to begin is the first to end."""
    backward = torch.Tensor.backward
    first, second = plain(), plain()
    one = record(first, sgd(first.parameters()))
    optimizer = sgd(second.parameters())
    two = record(second, optimizer)
    one.__enter__()
    vitals = two.__enter__()
    one.__exit__(None, None, None)
    second(torch.randn(4, 8)).square().mean().backward()
    optimizer.step()
    two.__exit__(None, None, None)
    assert torch.Tensor.backward is backward
    assert np.isfinite(vitals.record["loss"].values).all()


def test_a_loss_of_another_model_is_not_read() -> None:
    """Two models, each recorded, in turn: each record holds its own loss."""
    models = [plain(), plain()]
    optimizers = [sgd(model.parameters()) for model in models]
    with (
        record(models[0], optimizers[0]) as zero,
        record(models[1], optimizers[1]) as one,
    ):
        losses = []
        for model in models:
            loss = model(torch.randn(4, 8)).square().mean()
            loss.backward()
            losses.append(loss.item())
        for optimizer in optimizers:
            optimizer.step()
    assert [v.record["loss"].values.tolist() for v in (zero, one)] == [[losses[0]], [losses[1]]]


def test_the_same_model_twice_is_refused() -> None:
    """And the first recording goes on unharmed."""
    model = plain()
    optimizer = sgd(model.parameters())
    with record(model, optimizer) as vitals:
        with (
            pytest.raises(BadInputError, match="recorded already"),
            record(model, optimizer),
        ):
            pass
        model(torch.randn(4, 8)).sum().backward()
        optimizer.step()
    assert len(vitals.record["loss"].steps) == 1
