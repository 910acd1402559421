"""Task 1: ``fill(layer, activation)`` draws weights that keep a signal's size through depth."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.wording import two_digits

DEPTH = 20
STACKS = 5  # of each kind: of ReLU and He, one middle one in thousands lies below LEAST
LEAST, MOST = 1 / 3, 3.0
LEAST_OF_TANH = 0.1  # it squeezes: twenty layers of gain 1 leave .16, of gain 5/3 .65
FLAT, MOST_FLAT = 0.97, 0.25  # of gain 2, .15 of the outputs lie beyond; of weights of size 1, .8
SEED = 104

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
}
WIDTHS: dict[str, tuple[int, ...]] = {  # in front of each layer, and behind the last one
    "128 units in every layer": (128,) * (DEPTH + 1),
    "64 and 256 units by turns": (64, 256) * (DEPTH // 2) + (64,),
    "32 units at first and 1024 at last": tuple(
        round(32 * 2 ** (5 * number / DEPTH)) for number in range(DEPTH + 1)
    ),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Stacks:
    """What became of the signal in several stacks of one kind.

    Attributes:
        activation: ``"relu"``, ``"tanh"`` or ``"linear"``.
        widths: Which widths the layers have, in words.
        size: Root mean square behind the last layer, the middle one of the stacks.
        flat: Share of the last layer's outputs that lie where tanh is flat, the middle one too; 0
            with another activation.
        filled: Whether every weight was changed.
        biased: Whether a bias was changed.
    """

    activation: str
    widths: str
    size: float
    flat: float
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
    for one in evidence:
        least = LEAST_OF_TANH if one.activation == "tanh" else LEAST
        if not one.size >= least:
            return _out_of_bounds(one, f"at least {two_digits(least)}")
    return None


def signal_does_not_grow(evidence: Evidence) -> str | None:
    """The size behind the last layer is not too large."""
    for one in evidence:
        if one.size > MOST:
            return _out_of_bounds(one, f"at most {two_digits(MOST)}")
    return None


def tanh_is_not_flat(evidence: Evidence) -> str | None:
    """Most outputs of tanh lie where it has a slope: its size alone never exceeds 1."""
    for one in evidence:
        if one.flat > MOST_FLAT:
            return (
                f"With {one.activation} and {one.widths}, {one.flat:.0%} of the outputs behind "
                f"{DEPTH} layers lie beyond {FLAT}, where tanh is flat; expected at most "
                f"{MOST_FLAT:.0%}."
            )
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    sizes = [one.size for one in evidence]
    return (
        f"Behind {DEPTH} layers, with three activations and three choices of widths, the signal "
        f"has {two_digits(min(sizes))} to {two_digits(max(sizes))} times the size it came with."
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
            hint="How many inputs does a unit add up (nn.init's xavier functions count outputs "
            "as well), and does this activation drop or squeeze a part?",
        ),
        Clause(
            name="grows",
            test=signal_does_not_grow,
            hint="How many inputs does a unit add up? Not every activation drops half of it.",
        ),
        Clause(
            name="flat",
            test=tanh_is_not_flat,
            hint="Where tanh is flat, hardly any gradient comes back. How many inputs does a unit "
            "add up, and how large is its sum?",
        ),
    ),
    verified=verified,
    hints=(
        "A unit adds up layer.in_features products. How large may a weight be, so that the sum is "
        "as large as one input? And which activation drops part of it?",
        "Build twenty layers in a cell, send torch.randn(256, 64) through, and print "
        "x.square().mean().sqrt() behind each. Then other widths, such as 64 and 256 by turns.",
        "nn.init.kaiming_normal_ divides by the number of inputs. Its argument nonlinearity takes "
        "the names of the task, and knows that ReLU drops a half and that tanh squeezes.",
    ),
)


def _out_of_bounds(one: Stacks, bound: str) -> str:
    """A sentence on stacks whose signal is out of bounds."""
    return (
        f"With {one.activation} and {one.widths}, the signal behind {DEPTH} layers has "
        f"{two_digits(one.size)} times the size that it came with; expected {bound}."
    )


def _stacks(fill: Callable[..., Any], activation: str, widths: str) -> Stacks:
    """Fill several stacks of one kind, and send rows through."""
    sizes, flat, filled, biased = [], [], True, False
    for seed in range(SEED, SEED + STACKS):
        before, rows = _stack(activation, WIDTHS[widths], seed)
        arguments = {"stack": before, "activation": activation}
        after: nn.Sequential = call(OnEach(fill), arguments, name="fill").handed["stack"]
        with torch.no_grad():
            signal = after(rows).double()
        sizes.append(float(signal.square().mean().sqrt() / rows.square().mean().sqrt()))
        flat.append(float((signal.abs() > FLAT).double().mean()) if activation == "tanh" else 0.0)
        for old, new in zip(_linears(before), _linears(after), strict=True):
            filled = filled and not torch.equal(old.weight, new.weight)
            biased = biased or not torch.equal(old.bias, new.bias)
    return Stacks(
        activation=activation, widths=widths, size=float(np.median(sizes)),
        flat=float(np.median(flat)), filled=filled, biased=biased,
    )  # fmt: skip


def _stack(activation: str, widths: tuple[int, ...], seed: int) -> tuple[nn.Sequential, Tensor]:
    """A stack as PyTorch draws it but without biases, and rows of shape (256, inputs)."""
    layers: list[nn.Module] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for inputs, outputs in pairwise(widths):
            linear = nn.Linear(inputs, outputs)
            nn.init.zeros_(linear.bias)
            layers += [linear, ACTIVATIONS[activation]()]
        return nn.Sequential(*layers), torch.randn(256, widths[0])


def _linears(stack: nn.Sequential) -> list[nn.Linear]:
    """The weight layers of a stack."""
    return [layer for layer in stack if isinstance(layer, nn.Linear)]
