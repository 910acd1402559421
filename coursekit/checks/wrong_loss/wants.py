"""The optional task: ``wants(loss_fn, classes)`` finds out what a loss must be fed with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of

KINDS = ("logits", "log-probabilities", "probabilities")
CLASSES = (2, 5)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss that is made for one kind of outputs."""

    kind: str
    name: str
    function: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an answer said of a loss."""

    loss: Loss
    classes: int
    said: str


Evidence = tuple[Found, ...]


def of_logits(outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy, behind a name that does not tell."""
    return nn.functional.cross_entropy(outputs, labels)


def of_logarithms(outputs: Tensor, labels: Tensor) -> Tensor:
    """Minus the logarithm at the right class, behind a name that does not tell."""
    return -outputs.gather(1, labels[:, None]).mean()


def of_probabilities(outputs: Tensor, labels: Tensor) -> Tensor:
    """Minus the logarithm of the probability of the right class."""
    return -outputs.gather(1, labels[:, None]).log().mean()


def of_clipped(outputs: Tensor, labels: Tensor) -> Tensor:
    """The same with a bound that keeps the logarithm finite, as Keras has it."""
    return -outputs.gather(1, labels[:, None]).clamp(1e-7, 1).log().mean()


LOSSES = (
    Loss(kind="logits", name="nn.CrossEntropyLoss()", function=nn.CrossEntropyLoss()),
    Loss(kind="logits", name="a sum", function=nn.CrossEntropyLoss(reduction="sum")),
    Loss(kind="logits", name="a function", function=of_logits),
    Loss(kind="log-probabilities", name="nn.NLLLoss()", function=nn.NLLLoss()),
    Loss(kind="log-probabilities", name="a sum", function=nn.NLLLoss(reduction="sum")),
    Loss(kind="log-probabilities", name="a function", function=of_logarithms),
    Loss(kind="probabilities", name="a function", function=of_probabilities),
    Loss(kind="probabilities", name="a function with a bound", function=of_clipped),
)


def gather(wants: object) -> Evidence:
    """Show each loss to the answer, for several numbers of classes."""
    return tuple(_found(wants, loss, classes) for loss in LOSSES for classes in CLASSES)


def kind_is_found(evidence: Evidence, *, kind: str) -> str | None:
    """Losses of this kind are named so."""
    for one in evidence:
        if one.loss.kind == kind and one.said != kind:
            return (
                f"A loss that wants {kind} ({one.loss.name}, {one.classes} classes): wants said "
                f"{one.said!r}."
            )
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    told = {one.loss.kind for one in evidence}
    return f"{len(evidence)} calls, {len(told)} kinds of losses: each is told by what it does."


_HINTS = {
    "logits": "It does not change where the same number is added to all outputs of a row.",
    "log-probabilities": "It falls by 1 where 1 is added to all outputs of a row.",
    "probabilities": "It falls by ln 2 where all outputs are doubled.",
}


def _clause(kind: str) -> Clause[Evidence]:
    """The clause of one kind."""
    return Clause(name=kind, test=partial(kind_is_found, kind=kind), hint=_HINTS[kind])


check_wants: Check[Any] = Check(
    task="The optional task",
    takes=("wants",),
    gather=gather,
    clauses=tuple(_clause(kind) for kind in KINDS),
    verified=verified,
    hints=(
        "What may be done to logits without changing their softmax? And to log-probabilities?",
        "Print the loss for outputs of 0.5 everywhere, then for outputs of 0.25 everywhere. One "
        "row is enough, with the label 0.",
        "With one row of equal outputs, a cross-entropy of logits is ln(classes) whatever the "
        "number; of log-probabilities it is minus the number; of probabilities -ln of it.",
    ),
)


def _found(wants: object, loss: Loss, classes: int) -> Found:
    """One call."""
    arguments = {"loss_fn": loss.function, "classes": classes}
    said = call(wants, arguments, name="wants").result
    if not isinstance(said, str) or said not in KINDS:
        raise CheckFailed(
            f"wants returned {kind_of(said)}; expected one of the texts {', '.join(KINDS)}."
        )
    return Found(loss=loss, classes=classes, said=said)
