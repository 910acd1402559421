"""What only a GPU shows: how often a recording crosses to the host."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from coursekit.vitals.torch import record

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device is visible here"
)


class Crossings(TorchDispatchMode):
    """Counts what goes from the GPU to the host, for which the host waits."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count a number that is asked for, and a copy onto the CPU."""
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name == "_local_scalar_dense" or (name == "_to_copy" and args[0].is_cuda):
            self.count += not isinstance(result, torch.Tensor) or result.is_cpu
        return result


def dead() -> nn.Module:
    """No unit of its first layer gives anything: that has no gradient, and does not move."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    assert isinstance(model[0], nn.Linear)
    nn.init.constant_(model[0].bias, -100.0)
    return model.cuda()


@pytest.mark.parametrize(("every", "readings"), [(1, 10), (5, 2), (100, 1)])
def test_each_reading_crosses_once(every: int, readings: int) -> None:
    """Also where norms are 0, whose squares single precision might have lost."""
    model = dead()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs = torch.ones(2, 3, device="cuda")
    with Crossings() as crossings, record(model, optimizer, every=every) as vitals:
        for _ in range(10):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
            optimizer.step()
    assert crossings.count == len(vitals.record["loss"].steps) == readings
    assert vitals.record["gradient_norm"].values[0, 0] == 0


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_faint_and_strong_gradients_are_measured(size: float) -> None:
    """As on the CPU: inputs 3 and 4, so the gradient is size · (3, 4)."""
    model = nn.Linear(2, 1, bias=False).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with record(model, optimizer, every=1) as vitals:
        (model(torch.tensor([[3.0, 4.0]]).cuda()).sum() * size).backward()
        optimizer.step()
    np.testing.assert_allclose(vitals.record["gradient_norm"].values, [[5 * size]], rtol=1e-3)


class Complex(nn.Module):
    """A weight of complex numbers before a layer of real ones."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[3 + 4j]]))
        self.last = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The size of a complex product."""
        result: torch.Tensor = self.last((x.to(torch.complex64) @ self.weight).abs())
        return result


def test_complex_weights_are_measured() -> None:
    """Of 3 + 4i the norm is 5."""
    model = Complex().cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with record(model, optimizer) as vitals:
        model(torch.ones(2, 1, device="cuda")).sum().backward()
        optimizer.step()
    assert vitals.record["weight_norm"].values[0, 0] == pytest.approx(5)
