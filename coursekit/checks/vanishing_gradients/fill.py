"""Task 1: ``fill(layer, activation)`` draws weights that keep a signal's size through depth."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.wording import two_digits

DEPTH = 20
STACKS = 5  # of each kind: the middle one of a single kind lies between .5 and 1.5
LEAST, MOST = 1 / 3, 3.0
SEED = 104

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
}
WIDTHS: dict[str, tuple[int, int]] = {
    "64 units in every layer": (64, 64),
    "32 and 128 units by turns": (32, 128),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Stacks:
    """What became of the signal in several stacks of one kind.

    Attributes:
        activation: ``"relu"``, ``"tanh"`` or ``"linear"``.
        widths: Which widths the layers have, in words.
        size: Root mean square behind the last layer, the middle one of the stacks.
        filled: Whether every weight was changed.
        biased: Whether a bias was changed.
    """

    activation: str
    widths: str
    size: float
    filled: bool
    biased: bool


Evidence = tuple[Stacks, ...]


@dataclass(frozen=True)
class OnEach:
    """The learner's function on each layer of a stack, inside one call: so draws differ."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, stack: nn.Sequential, activation: str) -> None:
        """Fill all layers."""
        for layer in stack:
            if isinstance(layer, nn.Linear):
                self.func(layer, activation)


def gather(fill: Callable[..., Any]) -> Evidence:
    """Fill stacks with each activation and each choice of widths."""
    kinds = [(name, words) for words in WIDTHS for name in ACTIVATIONS]
    return tuple(_stacks(fill, name, words) for name, words in kinds)


def weights_are_filled(evidence: Evidence) -> str | None:
    """The weights of every layer are new."""
    if all(one.filled for one in evidence):
        return None
    return "After fill(layer, activation), layer.weight was what it was before."


def biases_are_left(evidence: Evidence) -> str | None:
    """The biases stay."""
    return "fill changed layer.bias." if any(one.biased for one in evidence) else None


def signal_does_not_fade(evidence: Evidence) -> str | None:
    """The size behind the last layer is not too small."""
    return _out_of_bounds(evidence, lambda size: not size >= LEAST, f"at least {two_digits(LEAST)}")


def signal_does_not_grow(evidence: Evidence) -> str | None:
    """The size behind the last layer is not too large."""
    return _out_of_bounds(evidence, lambda size: size > MOST, f"at most {two_digits(MOST)}")


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    sizes = [one.size for one in evidence]
    return (
        f"Behind {DEPTH} layers, with three activations and two choices of widths, the signal has "
        f"{two_digits(min(sizes))} to {two_digits(max(sizes))} times the size it came with."
    )


check_fill = Check(
    task="Task 1",
    takes=("fill",),
    gather=gather,
    clauses=(
        Clause(
            name="filled",
            test=weights_are_filled,
            hint="Change the weight in place: the functions of nn.init that end in _ do so.",
        ),
        Clause(name="bias", test=biases_are_left, hint="Only layer.weight is asked for."),
        Clause(
            name="fades",
            test=signal_does_not_fade,
            hint="How many inputs does a unit add up, and what does this activation drop?",
        ),
        Clause(
            name="grows",
            test=signal_does_not_grow,
            hint="How many inputs does a unit add up? Not every activation drops half of it.",
        ),
    ),
    verified=verified,
    hints=(
        "A unit adds up layer.in_features products. How large may a weight be, so that the sum is "
        "as large as one input? And which activation takes part of it away?",
        "Build twenty layers in a cell, send torch.randn(256, 64) through, and print "
        "x.square().mean().sqrt() behind each. Then other widths, such as 32 and 128 by turns.",
        "nn.init.kaiming_normal_ divides by the number of inputs. Its argument nonlinearity takes "
        "the names of the task and knows how much each activation drops.",
    ),
)


def _out_of_bounds(evidence: Evidence, out: Callable[[float], bool], bound: str) -> str | None:
    """A sentence on the first kind of stack whose signal is out of bounds."""
    for one in evidence:
        if out(one.size):
            return (
                f"With {one.activation} and {one.widths}, the signal behind {DEPTH} layers has "
                f"{two_digits(one.size)} times the size that it came with; expected {bound}."
            )
    return None


def _stacks(fill: Callable[..., Any], activation: str, widths: str) -> Stacks:
    """Fill several stacks of one kind, and send rows through."""
    sizes, filled, biased = [], True, False
    for seed in range(SEED, SEED + STACKS):
        before, rows = _stack(activation, WIDTHS[widths], seed)
        arguments = {"stack": before, "activation": activation}
        after: nn.Sequential = call(OnEach(fill), arguments, name="fill").handed["stack"]
        sizes.append(_size(after, rows))
        for old, new in zip(_linears(before), _linears(after), strict=True):
            filled = filled and not torch.equal(old.weight, new.weight)
            biased = biased or not torch.equal(old.bias, new.bias)
    return Stacks(
        activation=activation, widths=widths, size=float(np.median(sizes)), filled=filled,
        biased=biased,
    )  # fmt: skip


def _stack(activation: str, widths: tuple[int, int], seed: int) -> tuple[nn.Sequential, Tensor]:
    """A stack as PyTorch draws it but without biases, and rows of shape (256, inputs)."""
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for number in range(DEPTH):
            linear = nn.Linear(widths[number % 2], widths[(number + 1) % 2])
            nn.init.zeros_(linear.bias)
            layers += [linear, ACTIVATIONS[activation]()]
        return nn.Sequential(*layers), torch.randn(256, widths[0])


def _linears(stack: nn.Sequential) -> list[nn.Linear]:
    """The weight layers of a stack."""
    return [layer for layer in stack if isinstance(layer, nn.Linear)]


def _size(stack: nn.Sequential, rows: Tensor) -> float:
    """Root mean square behind the last layer over that of the rows; the biases are zero."""
    with torch.no_grad():
        return float(stack(rows).double().square().mean().sqrt() / rows.square().mean().sqrt())
