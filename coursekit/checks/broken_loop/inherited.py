"""Task 2: ``inherited(model, loss_fn, x, y)``: how much of ``.grad`` is of earlier batches?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.broken_loop.stepping import Loud
from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.networks import linear
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart, two_digits
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

SEED = 106
BATCH = 32
TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A model in the middle of a loop, and the right answer.

    Attributes:
        name: What messages call it.
        model: The model, with its gradients.
        loss_fn: The criterion.
        x: Inputs of the last batch, shape (rows, features).
        y: Its targets.
        expected: The inherited share of each of ``model.parameters()``, shape (weights,).
    """

    name: str
    model: nn.Module
    loss_fn: nn.Module
    x: Tensor
    y: Tensor
    expected: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One call of the answer.

    Attributes:
        known: What it was called on.
        seen: What came back, shape (weights,).
        outcome: The call, to see what it left behind.
    """

    known: Known
    seen: Array
    outcome: Call


Evidence = tuple[Probe, ...]


def by_hand() -> tuple[Known, ...]:
    """Cases that a person can work out; their test does so.

    >>> [known.expected.round(3).tolist() for known in by_hand()]
    [[0.0, 0.0], [0.667, 0.667], [1.25], [0.0]]
    """
    one, zero = torch.ones(1, 1), torch.zeros(1, 1)
    loss_fn = nn.MSELoss()
    once, thrice = linear([[2.0]]), linear([[2.0]])
    for model, times in ((once, 1), (thrice, 3)):
        for _ in range(times):
            loss_fn(model(one), zero).backward()
    turned = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        turned.weight.copy_(torch.tensor([[1.5, 0.0]]))
    turned.weight.grad = torch.tensor([[0.0, 4.0]])
    dead = nn.Linear(2, 1, bias=False)
    dead.weight.grad = torch.zeros(1, 2)
    return (
        Known(
            name="one weight and one bias after one backward()", model=once, loss_fn=loss_fn,
            x=one, y=zero, expected=np.zeros(2),
        ),
        Known(
            name="one weight and one bias after three times the same backward()", model=thrice,
            loss_fn=loss_fn, x=one, y=zero, expected=np.full(2, 2 / 3),
        ),
        Known(
            name="a .grad that points elsewhere", model=turned, loss_fn=loss_fn,
            x=torch.tensor([[1.0, 0.0]]), y=zero, expected=np.array([1.25]),
        ),
        Known(
            name="inputs of zero, whose .grad is zero", model=dead, loss_fn=loss_fn,
            x=torch.zeros(1, 2), y=zero, expected=np.zeros(1),
        ),
    )  # fmt: skip


def on_digits(batches: int, *, frozen: bool = False) -> Known:
    """A small network after some batches whose gradients nobody emptied, without steps.

    Args:
        batches: How many; the last is the one that is asked about.
        frozen: Whether the first layer is.
    """
    data = load_dataset("digits")
    parts = [slice(BATCH * number, BATCH * (number + 1)) for number in range(batches)]
    x, y = torch.tensor(data.x / 16, dtype=torch.float32), torch.tensor(data.y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    if frozen:
        for weight in model[0].parameters():
            weight.requires_grad = False
    loss_fn = Loud()
    earlier = [torch.zeros_like(weight) for weight in model.parameters()]
    for part in parts:
        earlier = [old if w.grad is None else w.grad.clone() for w, old in _with(model, earlier)]
        loss_fn(model(x[part]), y[part]).backward()
    shares = [0.0 if w.grad is None else float(old.norm() / w.grad.norm())
              for w, old in _with(model, earlier)]  # fmt: skip
    name = f"digits after {batches} batch{'es' * (batches > 1)}"
    return Known(
        name=name + (", the first layer frozen" if frozen else ""), model=model, loss_fn=loss_fn,
        x=x[parts[-1]], y=y[parts[-1]], expected=np.array(shares),
    )  # fmt: skip


def gather(inherited: Callable[..., object]) -> Evidence:
    """Measure models with answers known by hand, and digits after some batches."""
    known = (
        *by_hand(), on_digits(1), on_digits(2), on_digits(10), on_digits(10, frozen=True),
    )  # fmt: skip
    return tuple(_probe(inherited, one) for one in known)


def shares_are_right(evidence: Evidence) -> str | None:
    """What a trained weight has inherited."""
    return _first_wrong(evidence, trained=True)


def frozen_have_none(evidence: Evidence) -> str | None:
    """A frozen weight has inherited nothing."""
    return _first_wrong(evidence, trained=False)


def gradients_stay(evidence: Evidence) -> str | None:
    """Every .grad is as it was: the step is still to be taken."""
    for probe in evidence:
        pairs = zip(
            probe.known.model.named_parameters(),
            probe.outcome.handed["model"].parameters(),
            strict=True,
        )
        for (name, before), after in pairs:
            if not _same(before.grad, after.grad):
                return f"On {probe.known.name}, the .grad of {name} is not what it was."
    return None


def nothing_else_changes(evidence: Evidence) -> str | None:
    """Model and data are as they were."""
    for probe in evidence:
        if probe.outcome.altered:
            changed = " and ".join(probe.outcome.altered)
            return f"On {probe.known.name}, inherited changed {changed}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    found = {probe.known.name: float(probe.seen[0]) for probe in evidence}
    two, ten = found["digits after 2 batches"], found["digits after 10 batches"]
    return (
        "Measured by your function, without a step in between: of the first layer's .grad, the "
        f"part that is not the last batch's own has {two_digits(two)} of its norm after two "
        f"batches, and {two_digits(ten)} after ten."
    )


check_inherited = Check(
    task="Task 2",
    takes=("inherited",),
    gather=gather,
    clauses=(
        Clause(
            name="shares",
            test=shares_are_right,
            hint="For each weight: the norm of .grad less the batch's own gradient, over the norm "
            "of .grad.",
        ),
        Clause(
            name="frozen",
            test=frozen_have_none,
            hint="What is frozen has no gradient, so it has inherited none.",
        ),
        Clause(
            name="gradients",
            test=gradients_stay,
            hint="backward() writes into .grad. torch.autograd.grad hands the gradients over and "
            "leaves .grad alone.",
        ),
        Clause(
            name="changes",
            test=nothing_else_changes,
            hint="A measurement leaves the model and the data as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "What stands in .grad is a sum. Which part of it can you compute anew?",
        "Try it by hand: one weight 2, no bias, input 1, target 0, MSELoss. Its own gradient is 4. "
        "After three times the same backward(), .grad is 12, and 8 of 12 are inherited.",
        "torch.autograd.grad(loss_fn(model(x), y), weights), with the weights that require a "
        "gradient, gives one gradient for each. Take (weight.grad - gradient).norm() / "
        "weight.grad.norm() of each, and 0 where that norm is 0 or the weight is frozen.",
    ),
)


def _with(model: nn.Module, others: list[Tensor]) -> list[tuple[nn.Parameter, Tensor]]:
    """Each weight with its place in another list."""
    return list(zip(model.parameters(), others, strict=True))


def _probe(inherited: Callable[..., object], known: Known) -> Probe:
    """One call of the answer."""
    arguments = {"model": known.model, "loss_fn": known.loss_fn, "x": known.x, "y": known.y}
    outcome = call(inherited, arguments, name="inherited")
    source = f"On {known.name}, inherited"
    seen = as_array(outcome.result, shape=known.expected.shape, source=source, finite=False)
    return Probe(known=known, seen=seen, outcome=outcome)


def _first_wrong(evidence: Evidence, *, trained: bool) -> str | None:
    """The first share that is not right, of weights that are trained, or of frozen ones."""
    for probe in evidence:
        weights = list(probe.known.model.named_parameters())
        for (name, weight), seen, right in zip(
            weights, probe.seen, probe.known.expected, strict=True
        ):
            if weight.requires_grad == trained and not abs(seen - right) <= TOLERANCE:
                told, known = told_apart(seen, right)
                return f"On {probe.known.name}, {name} has the share {told}; expected {known}."
    return None


def _same(before: Tensor | None, after: Tensor | None) -> bool:
    """Whether two gradients are the same; None is the same as none."""
    if before is None or after is None:
        return before is after
    return torch.equal(before, after)
