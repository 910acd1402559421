"""Steps that an answer to task 1 takes, beside the right ones."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.networks import linear
from coursekit.checks.reading import as_array
from coursekit.checks.rolling import roll
from coursekit.datasets import load_dataset

LossFn = Callable[[Tensor, Tensor], Tensor]

SEED = 112
ROWS = 32
RATE = 0.5
MOMENTUM = 0.9
OLD = 0.01  # each entry of the gradient that the optimizer's momentum comes from
USUAL = nn.CrossEntropyLoss()


@dataclass(frozen=True)
class Stepping:
    """The learner's function with an optimizer made for the model's copy that it is handed."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code
    loss_fn: LossFn = field(default=USUAL)

    def __call__(
        self, model: nn.Module, batches: list[Tensor], limit: float, rolling: bool, spoilt: bool
    ) -> Any:
        """One step; where there are four tensors, backward() is called on the last two first."""
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
        if rolling:
            roll(optimizer, OLD)
        x, y, *earlier = batches
        if earlier:
            loss = self.loss_fn(model(earlier[0]), earlier[1])
            loss.backward()  # type: ignore[no-untyped-call]
        if spoilt:
            self.func(model, self.loss_fn, optimizer, torch.nan * x, y, limit)
        return self.func(model, self.loss_fn, optimizer, x, y, limit)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the answer, beside the right one.

    Attributes:
        length: Length of the batch's gradient, all weights together, before any cut.
        limit: The limit that was given.
        gap: How far the weights are from where they should be, over the length of the right step.
        ratio: Length of the step over that of the right one.
        said: The length that came back.
    """

    length: float
    limit: float
    gap: float
    ratio: float
    said: float


def step_of(
    clipped_step: Callable[..., Any],
    *,
    limit: float,
    earlier: bool = False,
    rolling: bool = False,
    spoilt: bool = False,
    loss_fn: LossFn = USUAL,
) -> Step:
    """One call of the answer, beside a step by hand.

    Args:
        clipped_step: The answer.
        limit: The limit to hand over.
        earlier: Whether an earlier batch has left its gradient.
        rolling: Whether the optimizer has momentum of an earlier step.
        spoilt: Whether the answer got a batch of NaN before, with the same optimizer.
        loss_fn: The loss to hand over.
    """
    model, x, y = _digits()
    batches = [x[:ROWS], y[:ROWS], *([x[ROWS:], y[ROWS:]] if earlier else [])]
    stepping = Stepping(clipped_step, loss_fn)
    outcome = _called(stepping, model, batches, limit=limit, rolling=rolling, spoilt=spoilt)
    gradient = _gradient(model, loss_fn, x[:ROWS], y[:ROWS])
    length = float(gradient.norm())
    right = -RATE * (gradient * min(1.0, limit / length) + (MOMENTUM * OLD if rolling else 0.0))
    taken = _vector(outcome.handed["model"]) - _vector(model)
    return Step(
        length=length, limit=limit, gap=float((taken - right).norm() / right.norm()),
        ratio=float(taken.norm() / right.norm()), said=_number(outcome.result),
    )  # fmt: skip


def starts() -> tuple[tuple[nn.Module, Tensor, Tensor], ...]:
    """Weights, inputs and a label whose gradient is not finite.

    First, the outputs overflow. Then the loss is 8, and of all gradients only that of the second
    layer's weight overflows. Last the loss is 20, and only the sum over two rows overflows, to
    -inf: that of one entry of the first layer's bias.
    """
    last = linear([[3e38, 1.0], [-3e38, 1.0]])
    with torch.no_grad():
        last.bias.copy_(torch.tensor([-10.0, 10.0]))
    return (
        (nn.Sequential(linear([[1e30], [1.0]]), linear([[1e30, 1.0], [1.0, 1.0]])),
         torch.ones(1, 1), torch.tensor([0])),
        (nn.Sequential(_shifted(3e38), _shifted(1.0), linear([[4.0], [-4.0]])),
         torch.ones(1, 1), torch.tensor([1])),
        (nn.Sequential(linear([[0.0], [0.0]]), last),
         torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 0])),
    )  # fmt: skip


def from_no_number(
    clipped_step: Callable[..., Any], model: nn.Module, x: Tensor, y: Tensor, *, limit: float
) -> tuple[bool, float]:
    """A call where the gradient is not finite, with momentum of an earlier step.

    Returns:
        Whether the weights stayed, and the length that came back.
    """
    outcome = _called(Stepping(clipped_step), model, [x, y], limit=limit, rolling=True)
    stayed = torch.equal(_vector(outcome.handed["model"]), _vector(model))
    return stayed, _number(outcome.result)


def _shifted(shift: float) -> nn.Linear:
    """A layer that gives this, whatever comes in."""
    layer = linear([[0.0]])
    with torch.no_grad():
        layer.bias.fill_(shift)
    return layer


def _digits() -> tuple[nn.Module, Tensor, Tensor]:
    """A small network, and two batches of digits."""
    data = load_dataset("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    x = torch.tensor(data.x[: 2 * ROWS] / 16, dtype=torch.float32)
    return model, x, torch.tensor(data.y[: 2 * ROWS])


def _called(
    stepping: Stepping,
    model: nn.Module,
    batches: list[Tensor],
    *,
    limit: float,
    rolling: bool,
    spoilt: bool = False,
) -> Call:
    """One call of the answer, or two."""
    arguments = {
        "model": model, "batches": batches, "limit": limit, "rolling": rolling, "spoilt": spoilt,
    }  # fmt: skip
    return call(stepping, arguments, name="clipped_step")


def _gradient(model: nn.Module, loss_fn: LossFn, x: Tensor, y: Tensor) -> Tensor:
    """The batch's own gradient of all weights, in a row."""
    twin = copy.deepcopy(model)
    loss = loss_fn(twin(x), y)
    parts = torch.autograd.grad(loss, list(twin.parameters()))
    return torch.cat([part.flatten() for part in parts]).double()


def _vector(model: nn.Module) -> Tensor:
    """All weights in a row."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().double()


def _number(value: object) -> float:
    """The length that came back."""
    return float(as_array(value, shape=(), source="clipped_step", finite=False))
