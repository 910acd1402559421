"""The batches that ``scaled_step`` is tried on, each with the step that float32 makes.

Inputs and weights stay within float16, so that an answer may use ``torch.autocast`` as well.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from coursekit.checks.precision_and_devices.rounding import RoundedLinear
from coursekit.checks.rolling import roll

SEED = 114
RATE = 1e-3
EPS = 0.1  # Adam's: about as large as a clipped entry, so that each entry's size counts
OLD = 0.01  # each entry of the gradient that the optimizer's momentum comes from
SCALE = 2.0**16
OTHER_SCALE = 64.0
TINY = 1e-7  # what the loss counts for: without scaling, nothing arrives
LOUD = 16.0  # what it counts for where SCALE would be too large, and OTHER_SCALE is not
WIDE = 1e4  # inputs: clip_grad_norm_ adds 1e-6 to a length, which must be longer than that


@dataclass(frozen=True)
class Counts:
    """Cross-entropy that counts for a part of the whole loss."""

    part: float

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """One number, from outputs of shape (rows, classes)."""
        return self.part * nn.functional.cross_entropy(outputs.float(), labels)


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
        scale: What the loss is to be multiplied by.
        momentum: Nesterov's momentum of the optimizer.
        adam: Whether the optimizer is Adam in place of SGD.
        rolling: Whether the optimizer has momentum of an earlier step.
        spoilt: Whether the answer gets a batch of NaN before, with the same optimizer.
        overflows: Whether a scaled gradient is NaN or infinite, so that no step is right.
        earlier: Whether backward() was called on the batch before, and nobody emptied .grad.
    """

    name: str
    model: nn.Module
    x: Tensor
    y: Tensor
    part: float
    longest: float
    scale: float = SCALE
    momentum: float = 0.0
    adam: bool = False
    rolling: bool = False
    spoilt: bool = False
    overflows: bool = False
    earlier: bool = False

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """An optimizer for the model or a copy of it."""
        if self.adam:
            return torch.optim.Adam(model.parameters(), RATE, eps=EPS)
        nesterov = self.momentum != 0  # so that the first step is another already
        made = torch.optim.SGD(model.parameters(), RATE, self.momentum, nesterov=nesterov)
        if self.rolling:
            roll(made, OLD)
        return made


def batches() -> dict[str, Batch]:
    """The batches, by what they try.

    >>> [name for name, batch in batches().items() if batch.overflows]
    ['first', 'last', 'nan', 'rolling', 'bias']
    """
    return {**_with_steps(), **_without_steps()}


def right_step(batch: Batch) -> Tensor:
    """How far the weights should move, all in a row."""
    whole = torch.cat([one.flatten() for one in _gradients(batch)]).double()
    cut = whole * min(1.0, batch.longest / _length(batch))
    if batch.adam:
        return -RATE * cut / (cut.abs() + EPS)  # its first step
    return -RATE * cut * (1 + batch.momentum)


def _with_steps() -> dict[str, Batch]:
    """The batches on which a step is to be made; only the long gradient is to be cut."""
    x, y = _rows()
    narrow = _network({"2.weight": 1 / WIDE})
    tame = Batch(name="a short gradient", model=narrow, x=WIDE * x, y=y, part=TINY, longest=1.0)
    tame = replace(tame, longest=2 * _length(tame))  # the scaled one is far longer
    even = replace(tame, model=_network(), x=x)  # whose layers have gradients of like lengths
    long = replace(even, name="a gradient longer than `longest`", part=1.0)
    other = replace(even, name=f"a scale of {OTHER_SCALE:g}", part=LOUD, scale=OTHER_SCALE)
    return {
        "short": tame,
        "long": replace(long, longest=_length(long) / 4),
        "scale": replace(other, longest=2 * _length(other)),
        "momentum": replace(tame, name="an optimizer that has momentum", momentum=0.9),
        "adam": replace(long, name="Adam", longest=_length(long) / 4, adam=True),
        "behind": replace(tame, name="a batch behind one of NaN", momentum=0.9, spoilt=True),
        "stale": replace(tame, name="a gradient left in .grad by an earlier batch", earlier=True),
    }


def _without_steps() -> dict[str, Batch]:
    """The batches on which no step is right."""
    x, y = _rows()
    first = _network({"0.weight": 1 / WIDE})
    last = _network({"0.weight": WIDE, "2.weight": 1 / WIDE})
    loud = Batch(name="an infinite gradient in the first layer alone", model=first, x=WIDE * x,
                 y=y, part=1.0, longest=1.0, overflows=True)  # fmt: skip
    nan = replace(loud, name="a gradient that is NaN and nowhere infinite",
                  x=torch.nan * x, model=_network())  # fmt: skip
    return {
        "first": loud,
        "last": replace(loud, name="an infinite gradient in the last layer alone", x=x, model=last),
        "nan": nan,
        "rolling": replace(nan, name="a gradient that is NaN, and momentum of an earlier step",
                           momentum=0.9, rolling=True),
        "bias": replace(loud, name="a gradient of -inf in one entry of a bias alone",
                        x=x / WIDE, y=torch.zeros_like(y), model=_adding_up()),
    }  # fmt: skip


def _network(factors: Mapping[str, float] | None = None) -> nn.Sequential:
    """Two layers that round their gradients, some weights multiplied by a factor."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(RoundedLinear(6, 8), nn.Identity(), RoundedLinear(8, 3))
    for name, factor in (factors or {}).items():
        model.get_parameter(name).data.mul_(factor)
    return model


def _adding_up() -> nn.Sequential:
    """Two layers; each row's gradient in one hidden unit is finite, the sum of twelve is not."""
    model = _network()
    with torch.no_grad():
        last = model.get_parameter("2.weight").zero_()
        last[:, 3] = torch.tensor([1.0, -1.0, -1.0])
        model.get_parameter("2.bias").zero_()  # so each class has odds of a third
    return model


def _rows() -> tuple[Tensor, Tensor]:
    """A batch of twelve rows in three classes."""
    random = torch.Generator().manual_seed(SEED)
    return torch.randn(12, 6, generator=random), torch.arange(12) % 3


def _gradients(batch: Batch) -> list[Tensor]:
    """The gradient of each weight in float32, by layers that do not round."""
    plain = nn.Sequential(nn.Linear(6, 8), nn.Identity(), nn.Linear(8, 3))
    plain.load_state_dict(batch.model.state_dict())
    loss = Counts(batch.part)(plain(batch.x), batch.y)
    return list(torch.autograd.grad(loss, list(plain.parameters())))


def _length(batch: Batch) -> float:
    """How long the gradient of all weights together is."""
    return math.sqrt(sum(float(one.double().square().sum()) for one in _gradients(batch)))
