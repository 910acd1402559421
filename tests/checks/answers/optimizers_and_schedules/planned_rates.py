"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def new_optimizer(lr):
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)


def in_order(make_scheduler, lr, steps):
    optimizer = new_optimizer(lr)
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def by_last_lr(make_scheduler, lr, steps):
    scheduler = make_scheduler(torch.optim.Adam(nn.Linear(1, 1).parameters(), lr))
    rates = torch.zeros(steps, dtype=torch.float64)
    for step in range(steps):
        rates[step] = scheduler.get_last_lr()[0]
        scheduler.step()
    return rates


def first_apart(make_scheduler, lr, steps):
    optimizer = new_optimizer(lr)
    scheduler = make_scheduler(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    while len(rates) < steps:
        optimizer.step()
        scheduler.step()
        rates += scheduler.get_last_lr()
    return tuple(rates)


RIGHT: dict[str, Function] = {
    "in order": in_order,
    "get_last_lr": by_last_lr,
    "the first apart": first_apart,
}


def after_the_step(make_scheduler, lr, steps):
    optimizer = new_optimizer(lr)
    scheduler = make_scheduler(optimizer)
    rates = []
    for _ in range(steps):
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def starting_with_lr(make_scheduler, lr, steps):
    return [lr, *in_order(make_scheduler, lr, steps)[1:]]


def never_stepped(make_scheduler, lr, steps):
    optimizer = new_optimizer(lr)
    make_scheduler(optimizer)
    return [optimizer.param_groups[0]["lr"] for _ in range(steps)]


def a_new_scheduler_each_time(make_scheduler, lr, steps):
    rates = []
    optimizer = new_optimizer(lr)
    for _ in range(steps):
        scheduler = make_scheduler(optimizer)
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    return rates


def at_one(make_scheduler, lr, steps):
    return in_order(make_scheduler, 1.0, steps)


def in_proportion(make_scheduler, lr, steps):
    return [lr * rate for rate in at_one(make_scheduler, lr, steps)]


def without_the_way_back(make_scheduler, lr, steps):
    rates = in_order(make_scheduler, lr, steps)
    lowest = rates.index(min(rates))
    return rates[: lowest + 1] + [min(rates)] * (steps - lowest - 1)


def constant(make_scheduler, lr, steps):
    return [lr] * steps


WRONG = (
    Wrong(
        name="after the step",
        answer=after_the_step,
        fails="rates",
        says=r"With StepLR\(step_size=3, gamma=0\.1\) and lr=0\.5, the rate at place 2 is 0\.05; "
        r"expected 0\.5\.",
    ),
    Wrong(
        name="starts with lr",
        answer=starting_with_lr,
        fails="rates",
        says=r"With a warm-up .*, the rate at place 0 is 0\.2; expected 0\.05\.",
    ),
    Wrong(name="never stepped", answer=never_stepped, fails="rates"),
    Wrong(name="a new scheduler each time", answer=a_new_scheduler_each_time, fails="rates"),
    Wrong(name="another first rate", answer=at_one, fails="rates"),
    Wrong(
        name="in proportion to the first rate",
        answer=in_proportion,
        fails="rates",
        says=r"With CosineAnnealingLR\(T_max=5, eta_min=0\.06\) and lr=0\.6, the rate at place 1",
    ),
    Wrong(
        name="a cosine that stays down",
        answer=without_the_way_back,
        fails="rates",
        says=r"With CosineAnnealingLR\(T_max=5, eta_min=0\.06\) .*, the rate at place 6 is",
    ),
    Wrong(name="constant", answer=constant, fails="rates"),
)
