"""The optional task: ``unmoved(model, optimizer)``: which weights will no step move, and why?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of

WORDS = ("frozen", "not held")
SEED = 106
FIRST = ("first.weight", "first.bias")
SECOND = ("second.weight", "second.bias")


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """A model with its optimizer, and what stands still.

    Attributes:
        name: What messages call it.
        model: The model.
        optimizer: An optimizer, of this model or not.
        expected: Name of a weight that will not move to the reason.
    """

    name: str
    model: nn.Module
    optimizer: Optimizer
    expected: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """One call of the answer.

    Attributes:
        pair: What it was called on.
        seen: What came back.
        changed: Whether weights, what is frozen, the mode, or the optimizer are not what they were.
    """

    pair: Pair
    seen: Mapping[Any, Any]
    changed: bool


Evidence = tuple[Answered, ...]


class _Two(nn.Module):
    """Two layers whose biases are zero, so that values alone do not tell them apart."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        for layer in (self.first, self.second):
            nn.init.zeros_(layer.bias)


@dataclass(frozen=True)
class OnPair:
    """The learner's function on a pair that is copied together, so that it stays a pair."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, pair: tuple[nn.Module, Optimizer]) -> Any:
        """What the function says of the pair."""
        return self.func(*pair)


def pairs() -> tuple[Pair, ...]:
    """Six models with their optimizers.

    >>> [len(pair.expected) for pair in pairs()]
    [0, 2, 4, 3, 2, 0]
    """
    whole, partly, other, twins, both, last, groups = (_Two() for _ in range(7))
    for weight in (*partly.first.parameters(), both.first.weight):
        weight.requires_grad = False
    twins.load_state_dict(other.state_dict())  # the same values, other weights
    two_groups: list[dict[str, Any]] = [
        {"params": list(groups.first.parameters()), "lr": 0.01},
        {"params": list(groups.second.parameters())},
    ]
    return (
        _pair("a whole model", whole, Adam(whole.parameters())),
        _pair("a model with a frozen first layer", partly, _sgd(partly), frozen=FIRST),
        _pair("a model whose optimizer holds another with equal weights", twins, _sgd(other),
              not_held=(*FIRST, *SECOND)),
        _pair("a frozen weight, and an optimizer of the last bias", both,
              SGD([both.second.bias], lr=0.1), frozen=("first.weight",),
              not_held=("first.bias", "second.weight")),
        _pair("an optimizer of the last layer", last, _sgd(last.second), not_held=FIRST),
        _pair("an optimizer with two groups", groups, SGD(two_groups, lr=0.1)),
    )  # fmt: skip


def gather(unmoved: Callable[..., Any]) -> Evidence:
    """Ask about each pair."""
    return tuple(_answered(unmoved, pair) for pair in pairs())


def frozen_are_named(evidence: Evidence) -> str | None:
    """Every frozen weight is in the answer, with its reason."""
    return _missing(evidence, "frozen")


def not_held_are_named(evidence: Evidence) -> str | None:
    """Every weight that the optimizer does not hold is in the answer, with its reason."""
    return _missing(evidence, "not held")


def others_are_not(evidence: Evidence) -> str | None:
    """What will move is not in the answer."""
    for one in evidence:
        more = [str(name) for name in one.seen if name not in one.pair.expected]
        if more:
            return f"On {one.pair.name}, your answer names {more[0]}, which will move."
    return None


def nothing_changes(evidence: Evidence) -> str | None:
    """Model and optimizer are as they were."""
    changed = [one.pair.name for one in evidence if one.changed]
    return f"On {changed[0]}, model or optimizer is not what it was." if changed else None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    still = sum(len(one.pair.expected) for one in evidence)
    return f"In {len(evidence)} pairs, your test names the {still} weights that stand still."


check_unmoved = Check(
    task="The optional task",
    takes=("unmoved",),
    gather=gather,
    clauses=(
        Clause(
            name="frozen",
            test=frozen_are_named,
            hint="Each weight says by itself whether a gradient will be computed for it.",
        ),
        Clause(
            name="not held",
            test=not_held_are_named,
            hint="The weights that an optimizer holds stand in the 'params' of its param_groups. "
            "Two weights can have equal values and yet be two.",
        ),
        Clause(
            name="moves",
            test=others_are_not,
            hint="Has the optimizer more than one group?",
        ),
        Clause(
            name="changes",
            test=nothing_changes,
            hint="A test leaves the model and the optimizer as it found them.",
        ),
    ),
    verified=verified,
    hints=(
        "Which two things must be true of a weight, so that a step moves it?",
        "Print optimizer.param_groups, and the id() of a weight in them and in the model.",
        "held = {id(w) for group in optimizer.param_groups for w in group['params']}. Then go "
        "through model.named_parameters(): requires_grad first, then id(weight) in held.",
    ),
)


def _sgd(model: nn.Module) -> SGD:
    """An optimizer of the whole of a model."""
    return SGD(model.parameters(), lr=0.1)


def _pair(
    name: str,
    model: nn.Module,
    optimizer: Optimizer,
    *,
    frozen: tuple[str, ...] = (),
    not_held: tuple[str, ...] = (),
) -> Pair:
    """A pair, and the names of the weights that stand still for each reason."""
    expected = dict.fromkeys(frozen, "frozen") | dict.fromkeys(not_held, "not held")
    return Pair(name=name, model=model, optimizer=optimizer, expected=expected)


def _missing(evidence: Evidence, reason: str) -> str | None:
    """A sentence on the first weight that stands still for this reason and is not said to."""
    for one in evidence:
        for name, right in one.pair.expected.items():
            if right == reason and one.seen.get(name) != right:
                said = one.seen.get(name, "nothing")
                return f"On {one.pair.name}, your answer says {said!r} of {name}; it is {right!r}."
    return None


def _answered(unmoved: Callable[..., Any], pair: Pair) -> Answered:
    """One call of the answer."""
    handed = (pair.model, pair.optimizer)
    found = call(OnPair(unmoved), {"pair": handed}, name="unmoved")
    if not isinstance(found.result, Mapping):
        raise CheckFailed(
            f"On {pair.name}, unmoved returned {kind_of(found.result)}; expected a dictionary from "
            f"names of weights to {' or '.join(map(repr, WORDS))}."
        )
    return Answered(
        pair=pair, seen=found.result, changed=_state(*handed) != _state(*found.handed["pair"])
    )


def _state(model: nn.Module, optimizer: Optimizer) -> list[object]:
    """All that the answer could have changed, to be compared."""
    weights = [(weight.requires_grad, weight.tolist()) for weight in model.parameters()]
    groups = [[weight.tolist() for weight in group["params"]] for group in optimizer.param_groups]
    names = {id(weight): name for name, weight in model.named_parameters()}
    held = [[names.get(id(weight)) for weight in g["params"]] for g in optimizer.param_groups]
    left = [weight.grad is not None for weight in model.parameters()]
    modes = [layer.training for layer in model.modules()]
    return [weights, groups, held, left, modes, *_settings(optimizer)]


def _settings(optimizer: Optimizer) -> list[object]:
    """What an optimizer holds beside the weights: its settings, and what it keeps of its steps."""
    groups = [
        {key: _plain(value) for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    held = [weight for group in optimizer.param_groups for weight in group["params"]]
    kept = [optimizer.state.get(weight, {}) for weight in held]  # [weight] would leave {} there
    return [groups, [_filled(one) for one in kept]]


def _filled(state: Mapping[str, object]) -> dict[str, object]:
    """What is kept of a weight; SGD without momentum may keep a None."""
    return {key: _plain(value) for key, value in state.items() if value is not None}


def _plain(value: object) -> object:
    """A tensor as a list, so that it can be compared."""
    return value.tolist() if isinstance(value, Tensor) else value
