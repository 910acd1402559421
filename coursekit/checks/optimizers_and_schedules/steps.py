"""Steps that an answer to task 1 takes, beside the right ones and the usual wrong ones."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from coursekit.checks.calling import call
from coursekit.datasets import load_dataset

SEED = 114
ROWS = 32
ADAM_RATE = 0.003
RATES = (0.05, 0.005)  # of the first layer, and of the others
CLOSE = 0.025  # of the right step's length: decay before or after the step differs by less

Make = Callable[[nn.Module], Optimizer]


@dataclass(frozen=True)
class Stepping:
    """The learner's function with an optimizer made for the model's copy that it is handed."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code
    make: Make = field()

    def __call__(self, model: nn.Module, batches: list[Tensor], decay: float) -> Any:
        """One step; where there are four tensors, backward() is called on the last two first."""
        loss_fn = nn.CrossEntropyLoss()
        optimizer = self.make(model)
        x, y, *earlier = batches
        if earlier:
            loss_fn(model(earlier[0]), earlier[1]).backward()
        return self.func(model, loss_fn, optimizer, x, y, decay)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the answer, beside the right one.

    Attributes:
        gap: How far the weights are from where they should be, over the right step's length.
        likely: The usual mistake that takes the same step; "" where it is none of them.
    """

    gap: float
    likely: str


def adam(model: nn.Module) -> Optimizer:
    """Adam at one rate."""
    return Adam(model.parameters(), lr=ADAM_RATE)


def two_rates(model: nn.Module) -> Optimizer:
    """SGD with a rate for the first layer, and another for the rest."""
    first, *rest = (list(part.parameters()) for part in model.children())
    others = [weight for part in rest for weight in part]
    return SGD([{"params": group, "lr": rate}
                for group, rate in zip((first, others), RATES, strict=True)])  # fmt: skip


def with_adam(answer: Callable[..., Any], *, decay: float) -> Step:
    """A step of Adam; AdamW takes the right one."""
    model, (x, y, *_) = _digits()
    batches = [x, y]
    plain = _after(model, batches, adam)
    return _step(
        answer, adam, model, batches, decay=decay,
        right=_after(model, batches, lambda twin: AdamW(
            twin.parameters(), lr=ADAM_RATE, weight_decay=decay)),
        wrong={
            "there is no decay in it": plain,
            "the decay stands inside the gradient, and Adam divides it by its size": _after(
                model, batches, lambda twin: Adam(
                    twin.parameters(), lr=ADAM_RATE, weight_decay=decay)),
            "the decay lacks the rate": plain - decay * _vector(model),
        },
    )  # fmt: skip


def with_two_rates(answer: Callable[..., Any], *, decay: float, earlier: bool = False) -> Step:
    """A step of SGD, by hand: each weight loses its own rate × decay of itself."""
    model, batches = _digits()
    plain, start = _after(model, batches[:2], two_rates), _vector(model)
    rates = torch.cat([
        torch.full((weight.numel(),), RATES[0] if place < 2 else RATES[1], dtype=torch.float64)
        for place, weight in enumerate(model.parameters())
    ])  # fmt: skip
    return _step(
        answer, two_rates, model, batches if earlier else batches[:2], decay=decay,
        right=plain - rates * decay * start,
        wrong={
            "there is no decay in it": plain,
            "the decay of all weights has the rate of the first group": (
                plain - RATES[0] * decay * start),
            "the decay has a rate that is not the optimizer's": (
                plain - ADAM_RATE * decay * start),
            "the decay lacks the rate": plain - decay * start,
        },
    )  # fmt: skip


def _step(
    answer: Callable[..., Any],
    make: Make,
    model: nn.Module,
    batches: list[Tensor],
    *,
    decay: float,
    right: Tensor,
    wrong: Mapping[str, Tensor],
) -> Step:
    """One call of the answer, beside these places of the weights."""
    arguments = {"model": model, "batches": batches, "decay": decay}
    outcome = call(Stepping(answer, make), arguments, name="decaying_step")
    start, there = _vector(model), _vector(outcome.handed["model"])
    near = [name for name, place in wrong.items() if _gap(there, place, start) < 2 * CLOSE]
    return Step(gap=_gap(there, right, start), likely=near[0] if near else "")


def _gap(there: Tensor, place: Tensor, start: Tensor) -> float:
    """How far the weights are from a place, over the way to it."""
    return float((there - place).norm() / (place - start).norm())


def _digits() -> tuple[nn.Module, list[Tensor]]:
    """A small network, a batch of digits, and an earlier one."""
    data = load_dataset("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    x = torch.tensor(data.x[: 2 * ROWS] / 16, dtype=torch.float32)
    y = torch.tensor(data.y[: 2 * ROWS])
    return model, [x[:ROWS], y[:ROWS], x[ROWS:], y[ROWS:]]


def _after(model: nn.Module, batches: list[Tensor], make: Make) -> Tensor:
    """All weights after one plain step."""
    twin = copy.deepcopy(model)
    optimizer = make(twin)
    nn.CrossEntropyLoss()(twin(batches[0]), batches[1]).backward()
    optimizer.step()
    return _vector(twin)


def _vector(model: nn.Module) -> Tensor:
    """All weights in a row."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().double()
