"""Task 2: ``two_numbers(ending, loss_fn, classes)``: what a guess and what a right answer costs."""

import math
from dataclasses import dataclass

from torch import Tensor, nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart

TOLERANCE = 0.01  # nat; a logit of 10 is sure enough


class SquaredError(nn.Module):
    """The mean squared error against a one for the class and zeros for the others.

    >>> import torch
    >>> round(SquaredError()(torch.full((1, 10), 0.1), torch.tensor([3])).item(), 2)
    0.09
    """

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Outputs of shape (rows, classes), labels of shape (rows,)."""
        wanted = nn.functional.one_hot(labels, outputs.shape[1])
        gaps: Tensor = (outputs - wanted) ** 2
        return gaps.mean()


@dataclass(frozen=True, kw_only=True)
class Known:
    """An ending and a loss whose two numbers can be worked out; their test does so.

    Attributes:
        name: What messages call the pair.
        ending: What stands behind the last Linear.
        loss_fn: The loss.
        classes: Classes that there are.
        guess: What a guess costs.
        certain: What a right and certain answer costs.
    """

    name: str
    ending: nn.Module
    loss_fn: nn.Module
    classes: int
    guess: float
    certain: float


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an answer gave for one pair."""

    known: Known
    guess: float
    certain: float


Evidence = tuple[Told, ...]


def pairs() -> tuple[Known, ...]:
    """Right and wrong pairs of an ending and a loss.

    >>> [round(known.certain, 2) for known in pairs()]
    [0.0, 1.46, 0.31, 0.0, 0.0, 3.62, 0.0]
    """
    return (
        Known(
            name="logits into CrossEntropyLoss, 10 classes", ending=nn.Identity(),
            loss_fn=nn.CrossEntropyLoss(), classes=10, guess=math.log(10), certain=0.0,
        ),
        Known(
            name="Softmax into CrossEntropyLoss, 10 classes", ending=nn.Softmax(dim=1),
            loss_fn=nn.CrossEntropyLoss(), classes=10, guess=math.log(10), certain=floor(10),
        ),
        Known(
            name="Softmax into CrossEntropyLoss, 2 classes", ending=nn.Softmax(dim=1),
            loss_fn=nn.CrossEntropyLoss(), classes=2, guess=math.log(2), certain=floor(2),
        ),
        Known(
            name="LogSoftmax into NLLLoss, 5 classes", ending=nn.LogSoftmax(dim=1),
            loss_fn=nn.NLLLoss(), classes=5, guess=math.log(5), certain=0.0,
        ),
        Known(
            name="Softmax into a squared error, 10 classes", ending=nn.Softmax(dim=1),
            loss_fn=SquaredError(), classes=10, guess=0.09, certain=0.0,
        ),
        Known(
            name="Softmax into CrossEntropyLoss, 100 classes", ending=nn.Softmax(dim=1),
            loss_fn=nn.CrossEntropyLoss(), classes=100, guess=math.log(100), certain=floor(100),
        ),
        Known(
            name="Softmax into a squared error, 4 classes", ending=nn.Softmax(dim=1),
            loss_fn=SquaredError(), classes=4, guess=0.1875, certain=0.0,
        ),
    )  # fmt: skip


def floor(classes: int) -> float:
    """The lowest cross-entropy that can be reached through a softmax too many, in nat.

    >>> round(floor(10), 2)
    1.46
    """
    return math.log(math.e + classes - 1) - 1


def gather(two_numbers: object) -> Evidence:
    """Ask for the two numbers of each pair."""
    return tuple(_told(two_numbers, known) for known in pairs())


def guess_is_right(evidence: Evidence) -> str | None:
    """The first number."""
    for one in evidence:
        if not abs(one.guess - one.known.guess) <= TOLERANCE:  # NaN is wrong too
            return _differs(one, "a guess costs", one.guess, one.known.guess)
    return None


def certain_is_right(evidence: Evidence) -> str | None:
    """The second number."""
    for one in evidence:
        if not abs(one.certain - one.known.certain) <= TOLERANCE:
            return _differs(one, "a right answer costs", one.certain, one.known.certain)
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    told = {one.known.name: one for one in evidence}
    two, ten = (told[f"Softmax into CrossEntropyLoss, {k} classes"] for k in (2, 10))
    return (
        "Measured by your function: with a softmax too many, a right and certain answer costs "
        f"{two.certain:.2f} with {two.known.classes} classes and {ten.certain:.2f} with "
        f"{ten.known.classes}."
    )


check_two_numbers = Check(
    task="Task 2",
    takes=("two_numbers",),
    gather=gather,
    clauses=(
        Clause(
            name="guess",
            test=guess_is_right,
            hint="Logits that are all alike, through the ending, into the loss.",
        ),
        Clause(
            name="certain",
            test=certain_is_right,
            hint="Logits: a large number at the right class, zeros elsewhere; then the ending.",
        ),
    ),
    verified=verified,
    hints=(
        "The last Linear gives logits. Which logits say 'I do not know', which 'surely this one'?",
        "Try torch.softmax(torch.tensor([1.0, 0.0, 0.0]), 0): is a 1 a certain logit?",
        "labels = torch.arange(classes). The logits are torch.zeros(classes, classes) for the "
        "guess and 50 * torch.eye(classes) for the certain answer: "
        "loss_fn(ending(logits), labels) of each.",
    ),
)


def _told(two_numbers: object, known: Known) -> Told:
    """One call."""
    arguments = {"ending": known.ending, "loss_fn": known.loss_fn, "classes": known.classes}
    done = call(two_numbers, arguments, name="two_numbers")
    guess, certain = as_array(done.result, shape=(2,), source="two_numbers", finite=False)
    return Told(known=known, guess=float(guess), certain=float(certain))


def _differs(one: Told, what: str, seen: float, expected: float) -> str:
    """A sentence on a number that is not right."""
    told, known = told_apart(seen, expected)
    return f"On {one.known.name}, your function says that {what} {told}; expected {known}."
