"""Task 2: ``step_ratio(model, optimizer, loss_fn, x, y)``: how long is a step?"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.networks import wine
from coursekit.checks.reading import as_array

Array = npt.NDArray[np.float64]
MakeOptimizer = Callable[[nn.Module], torch.optim.Optimizer]
Function = Callable[..., object]

TOLERANCE = 1e-4  # relative; float32 keeps 1e-6 here
RATE, TOO_HIGH = 0.3, 30.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One call, and what one step of training does.

    Attributes:
        name: What messages call it.
        expected: The ratio of each weight tensor, shape (tensors,).
        seen: What came back, shape (tensors,).
        moved: Whether the model stands where one step puts it.
        altered: Which of the data the answer changed in place.
    """

    name: str
    expected: Array
    seen: Array
    moved: bool
    altered: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Steps of one tensor by three optimizers, of a network, and after an earlier gradient."""

    one: tuple[Step, ...]
    network: tuple[Step, ...]
    stale: tuple[Step, ...]

    @property
    def fresh(self) -> tuple[Step, ...]:
        """The steps of models without an earlier gradient."""
        return self.one + self.network


def gather(step_ratio: Function) -> Evidence:
    """Take steps whose lengths are known."""
    optimizers: dict[str, MakeOptimizer] = {
        "one weight tensor (3, 4) and SGD": _sgd,
        "one weight tensor (3, 4) and Adam": _adam,
        "one weight tensor (3, 4) and SGD with momentum": _with_momentum,
    }
    rates = {"the wine network": RATE, "the wine network at a high rate": TOO_HIGH}
    return Evidence(
        one=tuple(_of_one_tensor(step_ratio, name, make) for name, make in optimizers.items()),
        network=tuple(_of_a_network(step_ratio, name, lr) for name, lr in rates.items()),
        stale=(_of_one_tensor(step_ratio, "a gradient left from an earlier batch", _sgd, old=7.0),),
    )


def one_tensor_is_right(evidence: Evidence) -> str | None:
    """The length of the optimizer's own step over the size of the weights before it."""
    return _first_wrong(evidence.one)


def every_tensor_is_right(evidence: Evidence) -> str | None:
    """Each weight tensor of a network has its own ratio."""
    return _first_wrong(evidence.network)


def old_gradients_do_not_count(evidence: Evidence) -> str | None:
    """A gradient from an earlier batch adds nothing."""
    return _first_wrong(evidence.stale)


def the_step_is_taken(evidence: Evidence) -> str | None:
    """Afterwards the model stands one step further."""
    for step in evidence.fresh:
        if not step.moved:
            return f"With {step.name}, the model does not stand where one step of training puts it."
    return None


def data_is_untouched(evidence: Evidence) -> str | None:
    """The batch is as it was."""
    for step in evidence.fresh:
        if step.altered:
            return f"With {step.name}, step_ratio changed {' and '.join(step.altered)} in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    calm, hot = (step.seen[0] for step in evidence.network)
    return (
        f"Measured by your function on standardised wine: the first step moves the first layer by "
        f"{calm:.2g} times the size of its weights at rate {RATE:g}, and by {hot:.2g} times at "
        f"rate {TOO_HIGH:g}."
    )


check_step_ratio = Check(
    task="Task 2",
    takes=("step_ratio",),
    gather=gather,
    clauses=(
        Clause(
            name="length",
            test=one_tensor_is_right,
            hint="Compare the weights after optimizer.step() with a copy of the weights before "
            "it. What the optimizer really did may not be lr times the gradient.",
        ),
        Clause(
            name="tensors",
            test=every_tensor_is_right,
            hint="One number for each of model.parameters(), in their order, each over the size "
            "of that tensor alone.",
        ),
        Clause(
            name="stale",
            test=old_gradients_do_not_count,
            hint="backward() adds to the .grad that is there.",
        ),
        Clause(
            name="step",
            test=the_step_is_taken,
            hint="Your function stands in for one round of the training loop: one step, on the "
            "model that it got.",
        ),
        Clause(
            name="data",
            test=data_is_untouched,
            hint="A measurement leaves the data as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "You need the weights twice: before the step, and after it. What does a name hold after "
        "the optimizer has changed the tensor that it stands for?",
        "Print a weight before and after optimizer.step(): if both are the same, you kept the "
        "tensor and not a copy of its values. In the record the measurement is update_ratio.",
        "before = [weight.detach().clone() for weight in model.parameters()]; then the usual "
        "four lines; then the norm of (after - before) over the norm of before, for each.",
    ),
)


def _sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.5)


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=0.5)


def _with_momentum(model: nn.Module) -> torch.optim.Optimizer:
    """SGD that has a step behind it: its next one is longer than lr times the gradient."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    for weight in model.parameters():
        optimizer.state[weight]["momentum_buffer"] = torch.tensor([[10.0, 0.0]])
    return optimizer


# By hand, from weights (3, 4) of size 5, row (1, 2) and target 9: the output is 11, so the gradient
# of the squared error is 2 · (11 - 9) · (1, 2) = (4, 8), and
#   SGD at 1/2 moves by (2, 4), of length √20;
#   Adam's first step is 1/2 in each weight, of length √(1/2);
#   momentum .9 with (10, 0) behind it moves by (4 + 9, 8) / 2, of length √(6.5² + 4²).
_BY_HAND: dict[MakeOptimizer, float] = {
    _sgd: np.sqrt(20) / 5,
    _adam: np.sqrt(0.5) / 5,
    _with_momentum: np.hypot(6.5, 4) / 5,
}


def _of_one_tensor(
    step_ratio: Function, name: str, make: MakeOptimizer, *, old: float = 0.0
) -> Step:
    """A step of the two weights; `old` is the gradient left in each, if any."""
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 4.0]]))
    x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[9.0]])
    if old:
        model.weight.grad = torch.full((1, 2), old)
    expected = np.array([_BY_HAND[make]])
    return _take(step_ratio, name, model, make, nn.MSELoss(), x, y, expected)


def _of_a_network(step_ratio: Function, name: str, lr: float) -> Step:
    """A step of the wine network by SGD; its length is lr times the gradient's."""
    one = wine(standardised=True)
    loss = one.loss_fn(one.model(one.x), one.y)
    weights = list(one.model.parameters())
    gradients = torch.autograd.grad(loss, weights)
    expected = np.array(
        [(lr * g.norm() / w.norm()).item() for g, w in zip(gradients, weights, strict=True)]
    )
    make: MakeOptimizer = lambda model: torch.optim.SGD(model.parameters(), lr=lr)  # noqa: E731
    return _take(step_ratio, name, one.model, make, one.loss_fn, one.x, one.y, expected)


def _take(
    step_ratio: Function,
    name: str,
    model: nn.Module,
    make: MakeOptimizer,
    loss_fn: nn.Module,
    x: Tensor,
    y: Tensor,
    expected: Array,
) -> Step:
    """One call, on objects of its own: an optimizer cannot be copied apart from its model."""
    there = copy.deepcopy(model)
    _step(there, make(there), loss_fn, x, y)
    given = x.clone(), y.clone()
    bound = partial(step_ratio, model, make(model), loss_fn, *given)
    found = call(bound, {}, name="step_ratio").result
    seen = as_array(_listed(found), shape=expected.shape, source=f"With {name}, step_ratio")
    pairs = zip(model.parameters(), there.parameters(), strict=True)
    moved = all(torch.allclose(here, one, rtol=1e-4, atol=1e-6) for here, one in pairs)
    data = {"x": (x, given[0]), "y": (y, given[1])}
    altered = tuple(name for name, (old, new) in data.items() if not torch.equal(old, new))
    return Step(name=name, expected=expected, seen=seen, moved=moved, altered=altered)


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss_fn: nn.Module, x: Tensor, y: Tensor
) -> None:
    """One round of the training loop."""
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()


def _listed(found: object) -> object:
    """A list of one-number tensors as numbers; anything else as it is."""
    if isinstance(found, list | tuple) and all(isinstance(one, Tensor) for one in found):
        return [one.detach().cpu().tolist() for one in found]
    return found


def _first_wrong(steps: tuple[Step, ...]) -> str | None:
    """The first ratio that is not what the step did."""
    for step in steps:
        far = np.abs(step.seen - step.expected) > TOLERANCE * step.expected
        if far.any():
            worst = int(far.argmax())
            place = f" for tensor {worst}" if len(far) > 1 else ""
            return (
                f"With {step.name}, step_ratio gave {step.seen[worst]:.4g}{place}; "
                f"expected {step.expected[worst]:.4g}."
            )
    return None
