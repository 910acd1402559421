"""Task 2: ``gains(model, x)``: by how much does each layer multiply the signal?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.exploding_gradients.leftovers import left_on
from coursekit.checks.networks import linear
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart, two_digits
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

SEED = 112
ROWS = 64
TOLERANCE = 0.01  # of a factor; float32 keeps 1e-5


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A network whose factors are known.

    Attributes:
        name: What messages call it.
        model: The network.
        x: Inputs, shape (rows, features).
        expected: The factor of each Linear layer, shape (Linear layers,).
    """

    name: str
    model: nn.Sequential
    x: Tensor
    expected: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One call of the answer.

    Attributes:
        known: What it was called on.
        seen: What came back, shape (Linear layers,).
        outcome: The call, to see what it changed.
    """

    known: Known
    seen: Array
    outcome: Call


Evidence = tuple[Probe, ...]


def by_hand() -> tuple[Known, ...]:
    """Networks that a person can work out; their test does so.

    >>> [known.expected.round(3).tolist() for known in by_hand()]
    [[2.0, 3.0], [3.0, 1.0], [5.0, 1.2], [1.414], [5.0]]
    """
    shifted = linear([[1.0]])
    with torch.no_grad():
        shifted.bias.fill_(1.0)
    return (
        Known(
            name="two weights, 2 and 3, with a ReLU between",
            model=nn.Sequential(linear([[2.0]]), nn.ReLU(), linear([[3.0]])),
            x=torch.ones(1, 1), expected=np.array([2.0, 3.0]),
        ),
        Known(
            name="two units, of which the ReLU drops one",
            model=nn.Sequential(linear([[3.0], [-4.0]]), nn.ReLU(), linear([[1.0, 1.0]])),
            x=torch.ones(1, 1), expected=np.array([3.0, 1.0]),
        ),
        Known(
            name="two Linear layers in a row, then a ReLU",
            model=nn.Sequential(linear([[3.0], [-4.0]]), linear([[2.0, 0.0], [0.0, 2.0]]),
                                nn.ReLU()),
            x=torch.ones(1, 1), expected=np.array([5.0, 1.2]),
        ),
        Known(
            name="one layer with a bias, two rows", model=nn.Sequential(shifted),
            x=torch.tensor([[1.0], [3.0]]), expected=np.array([2**0.5]),
        ),
        Known(
            name="a row of zeros beside another", model=nn.Sequential(linear([[3.0], [4.0]])),
            x=torch.tensor([[0.0], [2.0]]), expected=np.array([5.0]),
        ),
    )  # fmt: skip


def eight_layers(size: float, *, name: str) -> Known:
    """Digits before eight ReLU layers and an output, with normal weights of one size.

    Args:
        size: Standard deviation of the weights.
        name: What messages call it.
    """
    data = load_dataset("digits")
    x = torch.tensor(data.x[:ROWS] / 16, dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        hidden = [part for _ in range(8) for part in (nn.Linear(64, 64), nn.ReLU())]
        model = nn.Sequential(*hidden, nn.Linear(64, 10))
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=size)
    return Known(name=name, model=model, x=x, expected=_factors(model, x))


def gather(gains: Callable[..., object]) -> Evidence:
    """Measure networks with factors known by hand, and eight layers."""
    known = (
        *by_hand(),
        eight_layers(1.0, name="eight layers with weights of size 1"),
        eight_layers((2 / 64) ** 0.5, name="eight layers with He's weights"),
    )
    return tuple(_probe(gains, one) for one in known)


def factors_are_right(evidence: Evidence) -> str | None:
    """Each factor is the length of what a layer hands on over the length of what came in."""
    for probe in evidence:
        gaps = np.abs(probe.seen - probe.known.expected)
        wrong = np.flatnonzero(~(gaps <= TOLERANCE * probe.known.expected))
        if wrong.size:
            place = int(wrong[0])
            seen, expected = told_apart(probe.seen[place], probe.known.expected[place])
            return (
                f"On {probe.known.name}, Linear layer {place + 1} of {len(gaps)} has the factor "
                f"{seen}; expected {expected}."
            )
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """Model and rows are as they were."""
    for probe in evidence:
        if probe.outcome.altered:
            changed = " and ".join(probe.outcome.altered)
            return f"On {probe.known.name}, gains changed {changed}."
        left = left_on(probe.outcome.handed["model"])
        if left:
            return f"On {probe.known.name}, gains left {left}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    large, he = (
        two_digits(float(np.exp(np.log(probe.seen[1:-1]).mean()))) for probe in evidence[-2:]
    )
    return (
        f"Measured by your function, a hidden layer multiplies the signal by about {large} with "
        f"weights of size 1, and by about {he} with He's."
    )


check_gains = Check(
    task="Task 2",
    takes=("gains",),
    gather=gather,
    clauses=(
        Clause(
            name="factors",
            test=factors_are_right,
            hint="For each nn.Linear: all entries of what it hands on, squared, added up, the root "
            "of that; over the same of what came in. A ReLU behind it belongs to it.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="A measurement leaves the model and the rows as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "Send x through the layers one after the other. What stands in front of a Linear layer, "
        "and what in front of the next one?",
        "Try it by hand: weights 2 and 3 with a ReLU between and an input of 1 must give 2 and 3.",
        "Keep the length in front of each nn.Linear. For layer in model: signal = layer(signal); "
        "the newest factor is signal.norm() over the kept length, and a ReLU overwrites it.",
    ),
)


def _factors(model: nn.Sequential, x: Tensor) -> Array:
    """The factors in numpy, so that check and answer share no code."""
    lengths = [np.sqrt((x.double().numpy() ** 2).sum())]
    signal, linears = x.double().numpy(), [part for part in model if isinstance(part, nn.Linear)]
    for layer in linears:
        weight, shift = (part.detach().double().numpy() for part in layer.parameters())
        signal = signal @ weight.T + shift
        if layer is not linears[-1]:  # a ReLU stands between each two
            signal = np.maximum(signal, 0)
        lengths.append(np.sqrt((signal**2).sum()))
    factors: Array = np.array(lengths[1:]) / np.array(lengths[:-1])
    return factors


def _probe(gains: Callable[..., object], known: Known) -> Probe:
    """One call of the answer."""
    outcome = call(gains, {"model": known.model, "x": known.x}, name="gains")
    source = f"On {known.name}, gains"
    result = outcome.result
    if isinstance(result, list | tuple):  # of tensors with a gradient, perhaps
        result = [one.item() if isinstance(one, Tensor) and one.numel() == 1 else one
                  for one in result]  # fmt: skip
    seen = as_array(result, shape=known.expected.shape, source=source, finite=False)
    return Probe(known=known, seen=seen, outcome=outcome)
