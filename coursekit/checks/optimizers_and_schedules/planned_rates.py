"""The optional task: ``planned_rates(…)`` lists the rates of a schedule before any training."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.optim import Optimizer, lr_scheduler

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Planning:
    """The learner's function with one schedule."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code
    make: Callable[[Optimizer], Any] = field()

    def __call__(self, lr: float, steps: int) -> Any:
        """One plan; that no optimizer stepped before the scheduler is no matter here."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return self.func(self.make, lr, steps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """One schedule.

    Attributes:
        name: What messages call it.
        lr: The rate that the optimizer is made with.
        right: The rate of each step, by its formula.
        seen: What came back.
    """

    name: str
    lr: float
    right: Array
    seen: Array


def gather(planned_rates: Callable[..., Any]) -> tuple[Plan, ...]:
    """Plan four schedules whose formulas are known."""
    return (
        _plan(
            planned_rates, "StepLR(step_size=3, gamma=0.1)", 0.5,
            [0.5 * 0.1 ** (step // 3) for step in range(8)],
            lambda optimizer: lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.1),
        ),
        _plan(
            planned_rates, "CosineAnnealingLR(T_max=5, eta_min=0.06)", 0.6,
            [0.06 + 0.27 * (1 + math.cos(math.pi * step / 5)) for step in range(11)],
            lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=5, eta_min=0.06),
        ),
        _plan(
            planned_rates, "a warm-up over four steps (LambdaLR)", 0.2,
            [0.2 * min(1.0, (step + 1) / 4) for step in range(6)],
            lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda at: min(1.0, (at + 1) / 4)),
        ),
        _plan(
            planned_rates, "ExponentialLR(gamma=0.5)", 1.0, [1.0],
            lambda optimizer: lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
        ),
    )  # fmt: skip


def rates_are_right(evidence: tuple[Plan, ...]) -> str | None:
    """Every rate is what the formula says."""
    for plan in evidence:
        for step, (seen, right) in enumerate(zip(plan.seen, plan.right, strict=True)):
            if abs(seen - right) > 1e-6 * plan.lr:
                return (
                    f"With {plan.name} and lr={plan.lr:g}, the rate at place {step} is "
                    f"{two_digits(float(seen))}; expected {two_digits(float(right))}."
                )
    return None


def verified(evidence: tuple[Plan, ...]) -> str:
    """What a pass has shown."""
    lowest, back = (two_digits(float(evidence[1].seen[step])) for step in (5, 10))
    return (
        "Before any training, your function shows that CosineAnnealingLR(T_max=5, eta_min=0.06) "
        f"is at {lowest} after five steps, and back at {back} after ten."
    )


check_planned_rates = Check(
    task="The optional task",
    takes=("planned_rates",),
    gather=gather,
    clauses=(
        Clause(
            name="rates",
            test=rates_are_right,
            hint="Place 0 holds the rate of the first step: the scheduler was made, and not yet "
            "stepped. optimizer.param_groups[0]['lr'] is the rate that is in force.",
        ),
    ),
    verified=verified,
    hints=(
        "A scheduler needs an optimizer, and an optimizer needs a weight. Any weight does.",
        "Print the rate in the optimizer before you make the scheduler, after it, and after its "
        "first step.",
        "optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr); make the scheduler; "
        "then, steps times: keep the rate, optimizer.step(), scheduler.step().",
    ),
)


def _plan(
    answer: Callable[..., Any],
    name: str,
    lr: float,
    right: Sequence[float],
    make: Callable[[Optimizer], Any],
) -> Plan:
    """One call of the answer."""
    outcome = call(Planning(answer, make), {"lr": lr, "steps": len(right)}, name="planned_rates")
    seen = as_array(outcome.result, shape=(len(right),), source=f"With {name}, planned_rates")
    return Plan(name=name, lr=lr, right=np.array(right), seen=seen)
