"""Task 2: ``pulls(…)`` compares the L2 term with the gradient of the data, layer by layer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.check import Check, Clause
from coursekit.checks.experiment import linear_layers
from coursekit.checks.measuring import (
    LEAVES_NOTHING_BEHIND,
    NO_OLD_GRADIENT,
    Probes,
    leaves_no_gradient,
    probes_of,
)
from coursekit.checks.networks import Measured, backprop, linear, wine
from coursekit.checks.wording import two_digits
from coursekit.datasets import load_dataset

SEED = 115
DECAYS = (0.1, 0.003)
NUDGE = 1e-4  # of one weight, in float64
TOLERANCE = 0.01  # relative; float32 keeps 1e-6


_, CHANGES = LEAVES_NOTHING_BEHIND


@dataclass(frozen=True)
class Pulling:
    """The learner's function at one decay."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code
    decay: float = field()

    def __call__(self, model: nn.Module, loss_fn: nn.Module, x: Tensor, y: Tensor) -> Any:
        """One measurement, as a list of numbers where it is one of tensors."""
        result = self.func(model, loss_fn, x, y, self.decay)
        if isinstance(result, list | tuple):
            return [one.item() if isinstance(one, Tensor) and one.numel() == 1 else one
                    for one in result]  # fmt: skip
        return result


def by_hand() -> Measured:
    """One layer whose weight has the length 5, and whose gradient is known.

    The outputs are 6 and 8, the targets 5 and 8: the error is 1 and 0. The mean of the two squares
    has the slope 1 in the first output, so the gradient of its weight is the input, 2.
    """
    return Measured(
        name="weights 3 and 4", model=nn.Sequential(linear([[3.0], [4.0]])),
        loss_fn=nn.MSELoss(), x=torch.tensor([[2.0]]), y=torch.tensor([[5.0, 8.0]]),
        expected=np.array([5.0 / 2.0]),
    )  # fmt: skip


def digits() -> Measured:
    """Three layers on digits under another loss than the usual one, and the ratios at a decay of 1.

    A sum over the rows has a gradient as many times as long as the mean.
    """
    data = load_dataset("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 10)
        )
    x = torch.tensor(data.x[:32] / 16, dtype=torch.float32)
    known = _measured("digits, loss_fn a sum over the rows", model, x, torch.tensor(data.y[:32]))
    return replace(
        known, loss_fn=nn.CrossEntropyLoss(reduction="sum"), expected=known.expected / len(x)
    )


def wine_network() -> Measured:
    """Two layers on standardised wine, and the ratios at a decay of 1."""
    rows = wine(standardised=True)
    assert isinstance(rows.model, nn.Sequential)
    return _measured("wine", rows.model, rows.x, rows.y)


def nested() -> Measured:
    """Layers inside layers, among others that have a "weight" too: the ratios at a decay of 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(
            nn.Sequential(nn.Embedding(4, 3), nn.Flatten(), nn.Linear(6, 5), nn.LayerNorm(5)),
            nn.Tanh(),
            nn.Linear(5, 3),
        ).double()
        x, y = torch.randint(4, (8, 2)), torch.randint(3, (8,))
    ratios = [
        (layer.weight.norm() / by_differences(model, layer.weight, x, y).norm()).item()
        for layer in linear_layers(model)
    ]
    return Measured(
        name="layers inside layers, with an Embedding and a LayerNorm", model=model.float(),
        loss_fn=nn.CrossEntropyLoss(), x=x, y=y, expected=np.array(ratios),
    )  # fmt: skip


def by_differences(model: nn.Module, weight: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of the cross-entropy in a weight: how the loss answers to each entry."""
    slopes = torch.zeros_like(weight)
    with torch.no_grad():
        for place, value in enumerate(weight.flatten().tolist()):
            losses = []
            for moved in (value + NUDGE, value - NUDGE):
                weight.view(-1)[place] = moved
                losses.append(nn.functional.cross_entropy(model(x), y))
            weight.view(-1)[place] = value
            slopes.view(-1)[place] = (losses[0] - losses[1]) / (2 * NUDGE)
    return slopes


def gather(pulls: Callable[..., object]) -> Probes:
    """Measure four networks at two decays, and one that has a gradient from an earlier batch."""
    known = (by_hand(), digits(), wine_network(), nested())
    both = [
        probes_of(
            Pulling(pulls, decay),
            [_at(one, decay) for one in known],
            _used(_at(wine_network(), decay)),
            name="pulls",
        )
        for decay in DECAYS
    ]
    return Probes(fresh=both[0].fresh + both[1].fresh, stale=both[0].stale)


def ratios_are_right(evidence: Probes) -> str | None:
    """Each layer's ratio is what it is by the chain rule."""
    for probe in evidence.fresh:
        for place, (seen, right) in enumerate(zip(probe.seen, probe.expected, strict=True)):
            if abs(seen - right) > TOLERANCE * right:
                return (
                    f"On {probe.name}, layer {place + 1} of {len(probe.expected)} has the ratio "
                    f"{two_digits(float(seen))}; expected {two_digits(float(right))}."
                )
    return None


def earlier_gradient_does_not_count(evidence: Probes) -> str | None:
    """With an old gradient, the answer is what it is without; whatever that is."""
    fresh = evidence.of(evidence.stale.name)
    if np.allclose(fresh.seen, evidence.stale.seen, rtol=TOLERANCE, atol=0):
        return None
    return (
        f"On {fresh.name}, after a backward() on an earlier batch the first ratio is "
        f"{two_digits(float(evidence.stale.seen[0]))}; without it, "
        f"{two_digits(float(fresh.seen[0]))}."
    )


def gradients_are_as_they_were(evidence: Probes) -> str | None:
    """.grad holds what it held: nothing, or the gradient of the earlier batch."""
    seen = leaves_no_gradient(evidence)
    used, left = _used(wine_network()).model, evidence.stale.outcome.handed["model"]
    pairs = zip(used.parameters(), left.parameters(), strict=True)
    if seen is not None or all(_same_gradient(*pair) for pair in pairs):
        return seen
    return (
        f"On {evidence.stale.name}, the gradient of the earlier batch is not in the model's .grad "
        "any more."
    )


def verified(evidence: Probes) -> str:
    """What a pass has shown."""
    ratios = " and ".join(two_digits(float(one)) for one in evidence.fresh[2].seen)
    return (
        f"Measured by your function, a decay of {DECAYS[0]:g} pulls {ratios} times as hard as the "
        "data do, in the two layers of a fresh network on wine."
    )


check_pulls = Check(
    task="Task 2",
    takes=("pulls",),
    gather=gather,
    clauses=(
        Clause(
            name="ratios",
            test=ratios_are_right,
            hint="For each nn.Linear: the length of decay × weight, over the length of the loss's "
            "gradient in that weight. A length is the root of the sum of all squares.",
        ),
        Clause(name="stale", test=earlier_gradient_does_not_count, hint=NO_OLD_GRADIENT),
        Clause(
            name="leftover",
            test=gradients_are_as_they_were,
            hint="The next optimizer step uses what stands in .grad. torch.autograd.grad neither "
            "writes it nor empties it.",
        ),
        CHANGES,
    ),
    verified=verified,
    hints=(
        "Two lengths a layer: what the decay would add to the gradient, and the gradient itself.",
        "Try it by hand: nn.Linear(1, 2) without a bias, weights 3 and 4. How long is that weight, "
        "and which gradient does autograd give for it?",
        "weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]; "
        "torch.autograd.grad(loss, weights) gives their gradients; .norm() is the length.",
    ),
)


def _measured(name: str, model: nn.Sequential, x: Tensor, y: Tensor) -> Measured:
    """The ratios of a chain of layers under cross-entropy, at a decay of 1, without autograd."""
    gradients = backprop(model, x.double().numpy(), y.numpy())
    weights = [layer.weight.detach().double().numpy()
               for layer in model if isinstance(layer, nn.Linear)]  # fmt: skip
    ratios = [np.sqrt((weight**2).sum() / (gradient**2).sum())
              for weight, gradient in zip(weights, gradients, strict=True)]  # fmt: skip
    return Measured(
        name=name, model=model, loss_fn=nn.CrossEntropyLoss(), x=x, y=y, expected=np.array(ratios)
    )


def _same_gradient(one: nn.Parameter, other: nn.Parameter) -> bool:
    """Whether two weights hold the same gradient."""
    return one.grad is not None and other.grad is not None and torch.equal(one.grad, other.grad)


def _at(known: Measured, decay: float) -> Measured:
    """The same network at another decay: its ratios are in proportion."""
    return replace(known, name=f"{known.name} at decay={decay:g}", expected=decay * known.expected)


def _used(known: Measured) -> Measured:
    """A network that has the gradient of an earlier batch."""
    known.loss_fn(known.model(known.x.flip(1)), known.y).backward()
    return known
