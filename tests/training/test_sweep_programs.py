"""Which models are stacked: one program, whose stacked form is the plain one."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.optim import SGD, Adam

from coursekit.training.sweeping.check import signature
from coursekit.training.sweeping.grid import sweep

X = torch.randn(24, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randint(3, (24,), generator=torch.Generator().manual_seed(1))
BATCHES = [(X[:12], Y[:12]), (X[12:], Y[12:])]
RATES = [0.01, 0.1]


class Noisy(nn.Module):
    """Draws from numpy or Python, which vmap does not see."""

    def __init__(self, draw: Callable[[], float]) -> None:
        super().__init__()
        self.layer, self.draw = nn.Linear(4, 3), draw

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * (1 + self.draw())


class Counting(nn.Module):
    """Changes an attribute of its own in each pass."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(4, 3), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.layer(x) / self.calls


class Asking(nn.Module):
    """Decides by a value that depends on the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer(x)
        return out if out.mean() > 0 else -out


class Mixing(nn.Module):
    """Counts differently under vmap, so that its stacked form is another function."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        inside = torch._C._functorch.is_batchedtensor(self.layer.weight)
        return self.layer(x) * (2.0 if inside else 1.0)


class Unused(nn.Module):
    """Has weights that no loss depends on, and a frozen one that it does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.idle = nn.Linear(4, 3), nn.Linear(4, 3)
        self.layer.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Choosy(nn.Module):
    """Uses one layer for the first batch and both for the second: torch.optim then waits too."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.extra = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.layer(x)
        return out if x[0, 0] == X[0, 0] else out + self.extra(x)


class Tied(nn.Module):
    """Uses one weight twice."""

    def __init__(self) -> None:
        super().__init__()
        self.into, self.back, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.back.weight = self.into.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.back(torch.tanh(self.into(x)))))


def by_hand(make: Callable[[], nn.Module], optimizer: Any, lr: float) -> list[float]:
    """The oracle: the plain loop, two epochs."""
    torch.manual_seed(0)
    model, loss_fn = make(), nn.CrossEntropyLoss()
    model.train()
    steps, means = optimizer(model.parameters(), lr=lr), []
    for _ in range(2):
        losses = []
        for x, y in BATCHES:
            steps.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            steps.step()
            losses.append(loss.item())
        means.append(sum(losses) / 2)
    return means


def swept(make: Callable[[], nn.Module], optimizer: Any = SGD) -> Any:
    """A sweep over two learning rates, what is not stacked in this process."""
    return sweep(
        lambda seed: make(), BATCHES, loss_fn=nn.CrossEntropyLoss(), lr=RATES, epochs=2, jobs=1,
        optimizer=optimizer,
    )  # fmt: skip


def norm(*layers: nn.Module) -> Callable[[], nn.Module]:
    """A network with some layers in the middle, copied each time."""
    return lambda: nn.Sequential(nn.Linear(4, 8), *layers, nn.ReLU(), nn.Linear(8, 3))


FITTING: dict[str, Callable[[], nn.Module]] = {
    "LayerNorm": lambda: norm(nn.LayerNorm(8))(),
    "GroupNorm": lambda: norm(nn.GroupNorm(2, 8))(),
    "BatchNorm": lambda: norm(nn.BatchNorm1d(8))(),
    "eval-mode dropout": lambda: norm(nn.Dropout(0.0))(),
    "in place": lambda: norm(nn.ReLU(inplace=True))(),
    "PReLU": lambda: norm(nn.PReLU())(),
    "tied": Tied,
    "unused": Unused,
    "used at times": Choosy,
    "convolution": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(5, 3)
    ),
}


@pytest.mark.parametrize("make", FITTING.values(), ids=FITTING.keys())
def test_what_fits_is_stacked_and_right(make: Callable[[], nn.Module]) -> None:
    """Weight decay would show a weight that torch.optim leaves alone and the stack does not."""

    def optimizer(parameters: Any, lr: float) -> torch.optim.Optimizer:
        return SGD(parameters, lr=lr, momentum=0.9, weight_decay=0.1)

    result = swept(make, optimizer)
    assert "stacked" in result.how[0]
    np.testing.assert_allclose(
        result.curve, [by_hand(make, optimizer, lr) for lr in RATES], rtol=5e-5
    )


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "dropout": (lambda: norm(nn.Dropout(0.5))(), "draws random numbers"),
    "numpy's numbers": (lambda: Noisy(lambda: float(np.random.rand())), "draws random numbers"),
    "Python's numbers": (lambda: Noisy(random.random), "draws random numbers"),
    "attributes": (Counting, "changes attributes"),
    "a question": (Asking, "vmap refuses it"),
    "recurrent": (
        lambda: nn.Sequential(nn.Unflatten(1, (4, 1)), nn.GRU(1, 3, batch_first=True), Last()),
        "vmap refuses it",
    ),
    "another function": (Mixing, "gives another result"),
}


class Last(nn.Module):
    """The output of a recurrent layer at the last place."""

    def forward(self, outputs: tuple[Tensor, Tensor]) -> Tensor:
        return outputs[0][:, -1]


@pytest.mark.parametrize(("make", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_says_why(make: Callable[[], nn.Module], why: str) -> None:
    """The first batch decides, not a list of layers."""
    assert why in swept(make).how[0]


@pytest.mark.parametrize("name", ["dropout", "attributes", "a question", "recurrent"])
@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_what_does_not_fit_is_right_all_the_same(name: str, optimizer: Any) -> None:
    """Dropout too: the masks are those that a seeded run draws."""
    make = REFUSED[name][0]
    expected = [by_hand(make, optimizer, lr) for lr in RATES]
    np.testing.assert_allclose(swept(make, optimizer).curve, expected, rtol=5e-5)


def test_the_trap_of_another_function_is_a_trap() -> None:
    """Else the test of it above would prove nothing: under vmap the outputs are doubled."""
    model = Mixing()
    weights = {name: weight.detach()[None] for name, weight in model.named_parameters()}
    inside = vmap(lambda own: torch.func.functional_call(model, own, (X,)))(weights)
    assert torch.allclose(inside[0], 2 * model(X))


ALIKE = {
    "another draw": (lambda: nn.Linear(2, 3), lambda: nn.Linear(2, 3), True),
    "shape": (lambda: nn.Linear(2, 3), lambda: nn.Linear(2, 4), False),
    "precision": (lambda: nn.Linear(2, 3), lambda: nn.Linear(2, 3).double(), False),
    "bias": (lambda: nn.Linear(2, 3), lambda: nn.Linear(2, 3, bias=False), False),
    "slope": (lambda: nn.LeakyReLU(0.1), lambda: nn.LeakyReLU(0.2), False),
    "type": (nn.ReLU, nn.Tanh, False),
    "mode": (nn.ReLU, lambda: nn.ReLU().eval(), False),
    "frozen": (lambda: nn.Linear(1, 1), lambda: nn.Linear(1, 1).requires_grad_(False), False),
    "buffers": (lambda: nn.BatchNorm1d(2), lambda: nn.BatchNorm1d(2), True),
    "a function": (lambda: Noisy(random.random), lambda: Noisy(random.random), True),
    "a function of each": (lambda: Noisy(lambda: 1.0), lambda: Noisy(lambda: 2.0), False),
    "tied": (Tied, Tied, True),
    "tied and not": (Tied, lambda: untied(Tied()), False),
}


def untied(model: Tied) -> Tied:
    """The same with a second weight."""
    model.back.weight = nn.Parameter(model.into.weight.detach().clone())
    return model


@pytest.mark.parametrize(("one", "other", "alike"), ALIKE.values(), ids=ALIKE.keys())
def test_one_program_is_one_signature(one: Any, other: Any, alike: bool) -> None:
    """Equal but for the values of weights, and for nothing else."""
    assert (signature(one()) == signature(other())) is alike


def test_one_module_used_twice_is_another_program_than_two() -> None:
    """Names alone would not tell: the weights are shared."""
    layer = nn.Linear(2, 2)
    shared, own = nn.Sequential(layer, layer), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    assert signature(shared) != signature(own)


def test_a_model_of_each_program_keeps_its_attributes() -> None:
    """Two slopes are two groups, each computed with its own."""

    def build(seed: int, slope: float) -> nn.Module:
        return nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(slope), nn.Linear(8, 3))

    result = sweep(
        build, BATCHES, loss_fn=nn.CrossEntropyLoss(), lr=RATES, epochs=2,
        over={"slope": [0.0, 2.0]},
    )  # fmt: skip
    assert len(result.how) == 2
    for run, slope in enumerate([0.0, 0.0, 2.0, 2.0]):
        expected = by_hand(partial(build, 0, slope), SGD, RATES[run % 2])
        np.testing.assert_allclose(result.curve[run], expected, rtol=5e-5)
