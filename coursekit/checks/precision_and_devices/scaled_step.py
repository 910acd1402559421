"""Task 1: ``scaled_step(…)`` takes one step of mixed precision, or leaves it out."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.precision_and_devices.rounding import RoundedLinear
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, two_digits

SEED = 114
RATE = 1e-3
SCALE = 2.0**16
TINY = 1e-7  # what the loss counts for: without scaling, nothing arrives
WIDE = 1e5  # inputs: clip_grad_norm_ adds 1e-6 to a length, which must be longer than that
TOLERANCE = 0.02  # of the step; rounding to float16 leaves 0.001


@dataclass(frozen=True)
class Counts:
    """Cross-entropy that counts for a part of the whole loss."""

    part: float

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """One number, from outputs of shape (rows, classes)."""
        return self.part * nn.functional.cross_entropy(outputs, labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """A model, a batch, and how the step is to be taken.

    Attributes:
        name: What messages call it.
        model: The model.
        x: Inputs, shape (rows, features).
        y: Class numbers, shape (rows,).
        part: What the loss counts for.
        longest: The length to which a longer gradient is cut.
        overflows: Whether a scaled gradient is infinite, so that no step is right.
        earlier: Whether backward() was called on the batch before, and nobody emptied .grad.
    """

    name: str
    model: nn.Module
    x: Tensor
    y: Tensor
    part: float
    longest: float
    overflows: bool = False
    earlier: bool = False


@dataclass(frozen=True)
class Stepping:
    """The learner's function with an optimizer made for the model's copy that it is handed."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, model: nn.Module, batch: Batch) -> Any:
        """One step; what the function says of it."""
        loss_fn = Counts(batch.part)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        if batch.earlier:
            loss = SCALE * loss_fn(model(batch.x.flip(0)), batch.y)
            loss.backward()  # type: ignore[no-untyped-call]
        return self.func(model, loss_fn, optimizer, batch.x, batch.y, SCALE, batch.longest)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one call did.

    Attributes:
        name: What messages call the batch.
        overflows: Whether no step was right.
        gap: How far the weights are from where they should be, over the length of the right step.
        length: Length of the step over that of the right one; where none is right, its own length.
        said: Whether the answer says that the step was made.
    """

    name: str
    overflows: bool
    gap: float
    length: float
    said: bool


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Steps with a short gradient, a long one, an infinite one, and one from before in .grad."""

    short: Step
    long: Step
    infinite: tuple[Step, ...]
    stale: Step

    @property
    def all(self) -> tuple[Step, ...]:
        """Every step."""
        return (self.short, self.long, *self.infinite, self.stale)


def batches() -> dict[str, Batch]:
    """The batches, by what they try.

    >>> [batch.overflows for batch in batches().values()]
    [False, False, True, True, False]
    """
    model, x, y = _network({"2.weight": 1 / WIDE}), *_rows()
    first = _network({"0.weight": 1e-4})
    last = _network({"0.weight": 1e4, "2.weight": 1e-4})
    tame = Batch(name="a short gradient", model=model, x=WIDE * x, y=y, part=TINY, longest=1.0)
    tame = _like(tame, longest=2 * _length(tame))  # the scaled one is far longer
    loud = {"x": 1e4 * x, "model": first, "part": 1.0, "overflows": True}
    return {
        "short": tame,
        "long": _like(tame, name="a gradient longer than `longest`", longest=_length(tame) / 4),
        "first": _like(tame, name="an infinite gradient in the first layer alone", **loud),
        "last": _like(tame, name="an infinite gradient in the last layer alone",
                      x=x, model=last, part=1.0, overflows=True),
        "stale": _like(tame, name="a gradient left in .grad by an earlier batch", earlier=True),
    }  # fmt: skip


def gather(scaled_step: Callable[..., Any]) -> Evidence:
    """Take steps where the right weights are known."""
    found = {name: _step(scaled_step, batch) for name, batch in batches().items()}
    return Evidence(
        short=found["short"], long=found["long"], infinite=(found["first"], found["last"]),
        stale=found["stale"],
    )  # fmt: skip


def small_gradients_arrive(evidence: Evidence) -> str | None:
    """The step of a gradient that is not clipped."""
    return _astray(evidence.short)


def long_gradients_are_cut(evidence: Evidence) -> str | None:
    """The step of a gradient that is clipped at its true length."""
    return _astray(evidence.long)


def infinite_ones_make_no_step(evidence: Evidence) -> str | None:
    """The weights stay where they are."""
    for step in evidence.infinite:
        if step.length != 0:
            seen = "moves" if math.isfinite(step.length) else "makes NaN or infinity of"
            return f"With {step.name}, your step {seen} the weights; they should stay as they are."
    return None


def the_step_is_reported(evidence: Evidence) -> str | None:
    """True where a step was right, False where it was left out."""
    for step in evidence.all:
        if step.said == step.overflows:
            return f"With {step.name}, scaled_step returned {step.said}; expected {not step.said}."
    return None


def earlier_gradient_does_not_count(evidence: Evidence) -> str | None:
    """What stood in .grad before is gone; compared with what the answer does without it."""
    if evidence.stale.gap <= max(TOLERANCE, 1.01 * evidence.short.gap):
        return None
    return _astray(evidence.stale)


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        "A gradient too small for float16 makes the step that float32 makes, a long one is cut at "
        f"its true length, and {len(evidence.infinite)} steps with infinite ones are left out."
    )


check_scaled_step = Check(
    task="Task 1",
    takes=("scaled_step",),
    gather=gather,
    clauses=(
        Clause(
            name="short",
            test=small_gradients_arrive,
            hint="What must be multiplied by scale before backward()? And what must be divided by "
            "it, before anything looks at the length of the gradient?",
        ),
        Clause(
            name="long",
            test=long_gradients_are_cut,
            hint="nn.utils.clip_grad_norm_(model.parameters(), longest) cuts what stands in .grad. "
            "Which number should stand there by then?",
        ),
        Clause(
            name="infinite",
            test=infinite_ones_make_no_step,
            hint="Look at the gradient of every weight before the step. torch.isfinite tells.",
        ),
        Clause(
            name="said",
            test=the_step_is_reported,
            hint="Return True where optimizer.step() was called, and False where it was left out.",
        ),
        Clause(
            name="stale",
            test=earlier_gradient_does_not_count,
            hint="backward() adds to the .grad that is there. What empties it?",
        ),
    ),
    verified=verified,
    hints=(
        "Five things happen, in this order: empty, scaled backward, divide, look, clip and step.",
        "Print the norm of model[0].weight.grad after backward(), after the division, and after "
        "clipping.",
        "optimizer.zero_grad(); (scale * loss_fn(model(x), y)).backward(); for each weight: "
        "weight.grad /= scale. If all of all gradients are torch.isfinite: clip_grad_norm_, step, "
        "return True. Else return False.",
    ),
)


def _network(factors: Mapping[str, float] | None = None) -> nn.Sequential:
    """Two layers that round their gradients, some weights multiplied by a factor."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(RoundedLinear(6, 8), nn.Identity(), RoundedLinear(8, 3))
    for name, factor in (factors or {}).items():
        model.get_parameter(name).data.mul_(factor)
    return model


def _rows() -> tuple[Tensor, Tensor]:
    """A batch of twelve rows in three classes."""
    random = torch.Generator().manual_seed(SEED)
    return torch.randn(12, 6, generator=random), torch.arange(12) % 3


def _like(batch: Batch, **changes: Any) -> Batch:
    """A batch that differs in some things."""
    return Batch(**{**vars(batch), **changes})


def _gradients(batch: Batch) -> list[Tensor]:
    """The gradient of each weight in float32, by layers that do not round."""
    plain = nn.Sequential(nn.Linear(6, 8), nn.Identity(), nn.Linear(8, 3))
    plain.load_state_dict(batch.model.state_dict())
    loss = Counts(batch.part)(plain(batch.x), batch.y)
    return list(torch.autograd.grad(loss, list(plain.parameters())))


def _length(batch: Batch) -> float:
    """How long the gradient of all weights together is."""
    return math.sqrt(sum(float(one.double().square().sum()) for one in _gradients(batch)))


def _right_step(batch: Batch) -> Tensor:
    """How far the weights should move, all in a row."""
    step = -RATE * torch.cat([one.flatten() for one in _gradients(batch)]).double()
    return step * min(1.0, batch.longest / _length(batch))


def _step(scaled_step: Callable[..., Any], batch: Batch) -> Step:
    """One call of the answer."""
    arguments = {"model": copy.deepcopy(batch.model), "batch": batch}
    found = call(Stepping(scaled_step), arguments, name="scaled_step")
    moved = _vector(found.handed["model"]) - _vector(batch.model)
    if batch.overflows:
        gap, length = 0.0, float(moved.norm())
    else:
        right = _right_step(batch)
        gap = float((moved - right).norm() / right.norm())
        length = float(moved.norm() / right.norm())
    said = _truth(found.result, batch.name)
    return Step(name=batch.name, overflows=batch.overflows, gap=gap, length=length, said=said)


def _truth(value: object, name: str) -> bool:
    """True or False, in whatever type they come."""
    if isinstance(value, Tensor | np.ndarray) and np.ndim(value) == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_ | int) and value in (0, 1):
        return bool(value)
    raise CheckFailed(
        f"With {name}, scaled_step returned {kind_of(value)}; expected True where the step was "
        "made, and False where it was left out."
    )


def _vector(model: nn.Module) -> Tensor:
    """All weights in a row."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().double()


def _astray(step: Step) -> str | None:
    """A sentence on a step that is not the right one."""
    if step.gap <= TOLERANCE:
        return None
    if not math.isfinite(step.gap):
        return f"With {step.name}, some weights become NaN or infinite."
    if not step.length:
        return f"With {step.name}, no weight has moved."
    if abs(step.length - 1) > TOLERANCE:
        seen = f"is {two_digits(step.length)} times as long as"
    else:
        seen = f"ends {two_digits(step.gap)} of its length away from"
    return f"With {step.name}, the step {seen} the one that float32 makes."
