"""Task 2: ``gradient_share(model, loss_fn, x, y)`` measures which feature drives the first layer.

The expected shares are written out in numpy, without autograd, so that the check and the answer
cannot share a mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from coursekit.checks.calling import Call, call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]
Arguments = Mapping[str, Any]

TOLERANCE = 1e-3  # float32 keeps 1e-5, also where one column is 1000 times the others
SEED = 101
BATCH = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """One measurement whose answer is known.

    Attributes:
        name: What messages call it.
        expected: The shares, shape (features,).
        seen: What came back, shape (features,).
        outcome: The call, to see what it left behind.
    """

    name: str
    expected: Array
    seen: Array
    outcome: Call


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """The probes with fresh models, and one whose model had gradients from an earlier batch."""

    fresh: tuple[Probe, ...]
    stale: Probe

    def of(self, name: str) -> Probe:
        """A probe by its name."""
        return next(probe for probe in self.fresh if probe.name == name)


def gather(gradient_share: object) -> Evidence:
    """Measure networks with answers known by hand, and the wine network raw and standardised."""
    probes = [*by_hand(), wine(standardised=False), wine(standardised=True)]
    fresh = tuple(_probe(gradient_share, *probe) for probe in probes)
    name, arguments, expected = wine(standardised=True)
    arguments["loss_fn"](arguments["model"](2 * arguments["x"]), arguments["y"]).backward()
    stale = _probe(gradient_share, f"{name}, after an earlier backward()", arguments, expected)
    return Evidence(fresh=fresh, stale=stale)


def by_hand() -> list[tuple[str, Arguments, Array]]:
    """Three networks whose shares a person can work out; the test derives them."""
    one_row = torch.tensor([[3.0, 4.0]])
    linear, deep = nn.Linear(2, 1), nn.Sequential(
        nn.Identity(), nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 1)
    )  # fmt: skip
    _set(linear, [[1.0, 1.0]])
    _set(deep[1][0], [[1.0, 0.0], [1.0, 1.0]])
    _set(deep[2], [[1.0, 2.0]])
    flat = nn.Linear(2, 1)
    _set(flat, [[0.0, 0.0]])
    two_rows = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    zero, ones = torch.zeros(1, 1), torch.ones(2, 1)
    return [
        ("one row (3, 4)", _arguments(linear, nn.MSELoss(), one_row, zero), np.array([0.36, 0.64])),
        (
            "two rows that cancel in the second feature",
            _arguments(flat, nn.MSELoss(), two_rows, ones),
            np.array([1.0, 0.0]),
        ),
        (
            "one row (3, 4) and a hidden layer",
            _arguments(deep, nn.MSELoss(), one_row, zero),
            np.array([0.36, 0.64]),
        ),
    ]


def wine(*, standardised: bool) -> tuple[str, Arguments, Array]:
    """The lesson's network before its first step, and one batch of wine."""
    data = load_dataset("wine")
    rows, _ = train_test_split(
        np.arange(len(data.y)), test_size=0.5, stratify=data.y, random_state=SEED
    )
    x = StandardScaler().fit(data.x[rows]).transform(data.x) if standardised else data.x
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    inputs = torch.tensor(x[rows[:BATCH]], dtype=torch.float32)
    labels = torch.tensor(data.y[rows[:BATCH]])
    name = "standardised wine" if standardised else "raw wine"
    return (
        name,
        _arguments(model, nn.CrossEntropyLoss(), inputs, labels),
        backprop_share(model, inputs.double().numpy(), labels.numpy()),
    )


def backprop_share(model: nn.Sequential, x: Array, y: npt.NDArray[np.int64]) -> Array:
    """The shares of Linear, ReLU, Linear under cross-entropy, by the chain rule in numpy.

    Args:
        model: The three layers.
        x: Inputs, shape (rows, features).
        y: Class numbers, shape (rows,).

    Returns:
        Share of each feature in the squared gradient norm, shape (features,).
    """
    first, first_bias, last, last_bias = (
        weight.detach().double().numpy() for weight in model.parameters()
    )
    before = x @ first.T + first_bias  # (rows, hidden)
    logits = np.maximum(before, 0) @ last.T + last_bias  # (rows, classes)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = odds / odds.sum(axis=1, keepdims=True) - np.eye(len(last))[y]  # (rows, classes)
    gradient = ((error @ last) * (before > 0)).T @ x  # (hidden, features), times rows
    squares: Array = (gradient**2).sum(axis=0)
    return squares / squares.sum()


def shares_are_right(evidence: Evidence) -> str | None:
    """The proportions between features are those of the batch's gradient."""
    return next((text for text in map(_wrong_share, evidence.fresh) if text), None)


def adds_up(evidence: Evidence) -> str | None:
    """The shares add up to 1."""
    for probe in evidence.fresh:
        total = probe.seen.sum()
        if abs(total - 1) > TOLERANCE:
            return f"On {probe.name}, the shares add up to {total:.3g}; expected 1."
    return None


def starts_from_zero(evidence: Evidence) -> str | None:
    """A gradient that an earlier batch left in the model does not count."""
    return _wrong_share(evidence.stale)


def leaves_no_gradient(evidence: Evidence) -> str | None:
    """A model without gradients has none afterwards."""
    for probe in evidence.fresh:
        weights = probe.outcome.handed["model"].named_parameters()
        left = [name for name, weight in weights if _has_gradient(weight)]
        if left:
            return f"On {probe.name}, the gradient of {left[0]} stays behind in the model's .grad."
    return None


def changes_nothing(evidence: Evidence) -> str | None:
    """Model and data are as they were."""
    for probe in evidence.fresh:
        if probe.outcome.altered:
            changed = " and ".join(probe.outcome.altered)
            return f"On {probe.name}, gradient_share changed {changed}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    raw, scaled = evidence.of("raw wine"), evidence.of("standardised wine")
    return (
        f"Measured by your function on wine, before the first step: the largest share is "
        f"{raw.seen.max():.2f} (column {raw.seen.argmax()}, proline) raw and "
        f"{scaled.seen.max():.2f} standardised."
    )


check_gradient_share = Check(
    task="Task 2",
    takes=("gradient_share",),
    gather=gather,
    clauses=(
        Clause(
            name="shares",
            test=shares_are_right,
            hint="The gradient of the loss over the whole batch, in the first Linear's weight: "
            "(units, features). Square it, then add up over the units.",
        ),
        Clause(name="sum", test=adds_up, hint="A share is a part of the total. Divide by it."),
        Clause(
            name="stale",
            test=starts_from_zero,
            hint="backward() adds to the .grad that is there. torch.autograd.grad does not.",
        ),
        Clause(
            name="leftover",
            test=leaves_no_gradient,
            hint="The next optimizer step would use it. torch.autograd.grad leaves nothing.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="A measurement leaves the model and the data as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "Which weight does the input enter first, and which of its two axes counts features?",
        "Print the .shape of the gradient of the first nn.Linear's weight. Try one row (3, 4): "
        "the shares must be .36 and .64, whatever the weights.",
        "layer = the first nn.Linear in model.modules(). Then "
        "(g,) = torch.autograd.grad(loss_fn(model(x), y), [layer.weight]): square g, add up over "
        "dim 0, and divide by the total.",
    ),
)


def _probe(answer: object, name: str, arguments: Arguments, expected: Array) -> Probe:
    """One call of the answer."""
    outcome = call(answer, arguments, name="gradient_share")
    seen = as_array(
        outcome.result, shape=expected.shape, source=f"On {name}, gradient_share"
    )
    return Probe(name=name, expected=expected, seen=seen, outcome=outcome)


def _wrong_share(probe: Probe) -> str | None:
    """The feature whose share is furthest off, where one is; the total does not matter here."""
    total = probe.seen.sum()
    shares = probe.seen / total if total else probe.seen
    gaps = np.abs(shares - probe.expected)
    worst = int(gaps.argmax())
    if gaps[worst] <= TOLERANCE:
        return None
    return (
        f"On {probe.name}, feature {worst} has a share of {shares[worst]:.3f}; "
        f"expected {probe.expected[worst]:.3f}."
    )


def _arguments(model: nn.Module, loss_fn: nn.Module, x: Tensor, y: Tensor) -> Arguments:
    """What the answer is called with, in its order."""
    return {"model": model, "loss_fn": loss_fn, "x": x, "y": y}


def _set(layer: nn.Module, weight: list[list[float]]) -> None:
    """Give a Linear layer these weights, and no bias."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.tensor(weight) if parameter.ndim == 2 else torch.zeros(1))


def _has_gradient(weight: nn.Parameter) -> bool:
    """Whether a gradient was left that the next step would use."""
    return weight.grad is not None and bool(weight.grad.count_nonzero())
