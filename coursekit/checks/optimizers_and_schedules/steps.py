"""Two steps that an answer to task 1 takes, beside the right ones and the usual wrong ones."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from coursekit.checks.calling import call
from coursekit.checks.optimizers_and_schedules.ways import ORDINARY_RATE, SLIPS, Way, plain, right
from coursekit.datasets import load_dataset

SEED = 114
ROWS = 32
STEPS = 2
RATES = (0.05, 0.005)  # of the first layer, and of the others
MOMENTUM = 0.9
DROP = 0.1  # of the rate, from the first step to the second
CLOSE = 0.025  # of the right way's length: decay before or after the step differs by half of it

Make = Callable[[nn.Module], Optimizer]
LossFn = Callable[[Tensor, Tensor], Tensor]

USUAL = nn.CrossEntropyLoss()


@dataclass(frozen=True)
class Stepping:
    """The learner's function, in a loop with an optimizer for the model's copy that it is handed.

    Attributes:
        func: The function; by this name `call` finds the learner's code.
        make: Makes the optimizer.
        drop: What each rate is multiplied by after a step, as a scheduler does it.
        earlier: Whether backward() was called on another batch before.
        loss_fn: The loss that it is handed.
    """

    func: Callable[..., Any] = field()
    make: Make = field()
    drop: float = 1.0
    earlier: bool = False
    loss_fn: LossFn = field(default=USUAL)

    def __call__(self, model: nn.Module, batches: list[tuple[Tensor, Tensor]], decay: float) -> Any:
        """Two steps, on the first two batches."""
        optimizer = self.make(model)
        if self.earlier:
            x, y = batches[STEPS]
            loss = self.loss_fn(model(x), y)
            loss.backward()  # type: ignore[no-untyped-call]
        for x, y in batches[:STEPS]:
            self.func(model, self.loss_fn, optimizer, x, y, decay)
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
                group["lr"] *= self.drop


@dataclass(frozen=True, kw_only=True)
class Gone:
    """Where the steps of an answer led, beside the right place.

    Attributes:
        gap: How far the weights are from where they should be, over the right way's length.
        likely: Looks for the usual mistake that leads to the same place; "" where it is none.
    """

    gap: float
    likely: Callable[[], str]


def with_adam(answer: Callable[..., Any], *, decay: float) -> Gone:
    """Steps of Adam; AdamW takes the right ones."""
    decaying = Stepping(plain, lambda model: AdamW(
        model.parameters(), lr=ORDINARY_RATE, weight_decay=decay))  # fmt: skip
    asked = Stepping(answer, lambda model: Adam(model.parameters(), lr=ORDINARY_RATE))
    return _gone(asked, decaying, decay)


def with_two_rates(answer: Callable[..., Any], *, decay: float, earlier: bool = False) -> Gone:
    """Steps of SGD with momentum, the first layer at one rate and the last at another."""
    return _gone(Stepping(answer, _two_rates, earlier=earlier), Stepping(right, _two_rates), decay)


def with_a_schedule(answer: Callable[..., Any], *, decay: float) -> Gone:
    """Steps of SGD whose rate drops in between."""

    def all_weights(model: nn.Module) -> Optimizer:
        return SGD(model.parameters(), lr=RATES[0])

    return _gone(Stepping(answer, all_weights, DROP), Stepping(right, all_weights, DROP), decay)


def with_another_loss(answer: Callable[..., Any], *, decay: float) -> Gone:
    """Steps of SGD along the gradient of another loss than cross-entropy."""

    def all_weights(model: nn.Module) -> Optimizer:
        return SGD(model.parameters(), lr=RATES[0])

    asked, known = (
        Stepping(way, all_weights, loss_fn=nn.MultiMarginLoss()) for way in (answer, right)
    )
    return _gone(asked, known, decay)


def with_one_layer(answer: Callable[..., Any], *, decay: float) -> Gone:
    """Steps of SGD that holds the first layer alone."""

    def first_layer(model: nn.Module) -> Optimizer:
        return SGD(next(model.children()).parameters(), lr=RATES[0])

    return _gone(Stepping(answer, first_layer), Stepping(right, first_layer), decay)


def _two_rates(model: nn.Module) -> Optimizer:
    """SGD with momentum, a rate for the first layer and another for the last."""
    first, _, last = (list(part.parameters()) for part in model.children())
    return SGD([{"params": group, "lr": rate}
                for group, rate in zip((first, last), RATES, strict=True)],
               momentum=MOMENTUM)  # fmt: skip


def _gone(asked: Stepping, known: Stepping, decay: float) -> Gone:
    """The way that an answer takes, beside the right one."""
    model, batches = _digits()
    arguments = {"model": model, "batches": batches, "decay": decay}
    there = _vector(call(asked, arguments, name="decaying_step").handed["model"])
    start, goal = _vector(model), _end(known, model, batches, decay)
    return Gone(gap=_gap(there, goal, start), likely=partial(_slip, asked, there, decay))


def _slip(asked: Stepping, there: Tensor, decay: float) -> str:
    """The usual mistake that leads to this place."""
    model, batches = _digits()
    start = _vector(model)

    def off(way: Way) -> float:
        slipping = replace(asked, func=way)
        return _gap(there, _end(slipping, model, batches, decay), start)

    gaps = {name: off(way) for name, way in SLIPS.items()}
    nearest = min(gaps, key=gaps.__getitem__)
    return nearest if gaps[nearest] < 2 * CLOSE else ""


def _end(
    known: Stepping, model: nn.Module, batches: list[tuple[Tensor, Tensor]], decay: float
) -> Tensor:
    """Where a way of ours leads."""
    twin = copy.deepcopy(model)
    known(twin, batches, decay)
    return _vector(twin)


def _gap(there: Tensor, place: Tensor, start: Tensor) -> float:
    """How far the weights are from a place, over the way to it."""
    return float((there - place).norm() / (place - start).norm())


def _digits() -> tuple[nn.Module, list[tuple[Tensor, Tensor]]]:
    """A small network, and three batches of digits."""
    data = load_dataset("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    rows = (STEPS + 1) * ROWS
    x = torch.tensor(data.x[:rows] / 16, dtype=torch.float32)
    y = torch.tensor(data.y[:rows])
    return model, [(x[at : at + ROWS], y[at : at + ROWS]) for at in range(0, rows, ROWS)]


def _vector(model: nn.Module) -> Tensor:
    """All weights in a row."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().double()
