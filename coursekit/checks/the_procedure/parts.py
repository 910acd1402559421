"""Task 2: ``parts(x, y)`` builds a network and its loop, of which every line is well."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.cases.rows import Pair, breast_cancer, tensors, wine
from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.the_procedure.lines import LONGEST, SHORTEST, Lines, lines_of
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, told_apart, two_digits

PASSES = 15
ENOUGH = 0.88  # of the held-out rows; the colleague's network stays below .7
NAMES = "one_pass, model, loader, loss_fn, optimizer"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What an answer did with one data set.

    Attributes:
        data: What messages call it.
        lines: What the routine measured.
        accuracy: Share of the held-out rows named rightly after the passes.
    """

    data: str
    lines: Lines
    accuracy: float


def gather(parts: Callable[..., Any]) -> tuple[Trained, ...]:
    """Build, measure and train on two data sets that differ in columns and classes."""
    wines, cancer = wine(151), breast_cancer(152)
    few = (cancer[0][0][:120], cancer[0][1][:120])
    return (
        _trained(parts, "wine, 3 classes", wines[0], wines[2]),
        _trained(parts, "breast masses, 2 classes", few, cancer[2]),
    )


def _trained(parts: Callable[..., Any], data: str, train: Pair, test: Pair) -> Trained:
    """One data set."""
    x, y = tensors(train, "cpu").tensors
    built = call(parts, {"x": x, "y": y}, name="parts").result
    given, model, loader, loss_fn, optimizer = _five(built)

    def one_pass(batches: Any) -> None:
        call(partial(given, batches), {}, name="one_pass")

    lines = lines_of(one_pass, model, loader, loss_fn, optimizer)
    for _ in range(PASSES):
        one_pass(loader)
    return Trained(data=data, lines=lines, accuracy=_accuracy(model, *tensors(test, "cpu").tensors))


def _five(built: object) -> tuple[Any, nn.Module, Any, Any, torch.optim.Optimizer]:
    """The five parts, each of its kind."""
    if not isinstance(built, tuple | list) or len(built) != 5:
        raise CheckFailed(f"parts returned {kind_of(built)}; expected {NAMES}.")
    one_pass, model, loader, loss_fn, optimizer = built
    kinds = (callable(one_pass), isinstance(model, nn.Module), hasattr(loader, "__iter__"),
             callable(loss_fn), isinstance(optimizer, torch.optim.Optimizer))  # fmt: skip
    for name, came, fits in zip(NAMES.split(", "), built, kinds, strict=True):
        if not fits:
            raise CheckFailed(f"parts returned {kind_of(came)} as {name}; expected {NAMES}.")
    return one_pass, model, loader, loss_fn, optimizer


def _accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of the rows named rightly; a model whose outputs are no numbers names none."""
    model.eval()
    with torch.no_grad():
        outputs = model(x)
    right = (outputs.argmax(dim=1) == y) & outputs.isfinite().all(dim=1)
    return float(right.float().mean())


def certain_answers_are_free(evidence: tuple[Trained, ...]) -> str | None:
    """The line "loss"."""
    for one in evidence:
        if not abs(one.lines.cost) < 0.1:
            return (
                f"On {one.data}, a right and certain answer costs {two_digits(one.lines.cost)} "
                "times the first loss; expected next to nothing."
            )
    return None


def the_loop_is_sound(evidence: tuple[Trained, ...]) -> str | None:
    """The line "loop"."""
    for one in evidence:
        if one.lines.still:
            return f"On {one.data}, {', '.join(one.lines.still)}: not moved by the loop."
        if one.lines.old:
            return f"On {one.data}, a step uses the gradients of an earlier batch, too."
    return None


def steps_are_of_a_size(evidence: tuple[Trained, ...]) -> str | None:
    """The line "step"."""
    for one in evidence:
        if not SHORTEST < one.lines.step < LONGEST:
            return (
                f"On {one.data}, the longest first step of a layer is {two_digits(one.lines.step)} "
                f"of its weights; expected between {SHORTEST} and {LONGEST}."
            )
    return None


def it_learns(evidence: tuple[Trained, ...]) -> str | None:
    """After all lines: the score."""
    for one in evidence:
        if not one.accuracy >= ENOUGH:
            seen, least = told_apart(one.accuracy, ENOUGH)
            return (
                f"On {one.data}, the accuracy on held-out rows is {seen} after {PASSES} passes; "
                f"expected at least {least}."
            )
    return None


def verified(evidence: tuple[Trained, ...]) -> str:
    """What a pass has shown."""
    return f"Every line is well on {' and on '.join(one.data for one in evidence)}, and it learns."


check_parts = Check(
    task="Task 2",
    takes=("parts",),
    gather=gather,
    clauses=(
        Clause(
            name="loss",
            test=certain_answers_are_free,
            hint="What does this criterion expect, and what does the last layer give? Lesson 05.",
        ),
        Clause(
            name="loop",
            test=the_loop_is_sound,
            hint="Which tensors does the optimizer hold, and when were they made? Lesson 06.",
        ),
        Clause(
            name="step",
            test=steps_are_of_a_size,
            hint="A step is rate × gradient long. Which rate brings it well inside? Lesson 03.",
        ),
        Clause(
            name="score",
            test=it_learns,
            hint="All lines are well. What of the rows, the labels and the size of the network "
            "does the routine not ask?",
        ),
    ),
    verified=verified,
    hints=(
        "Do not look for all faults at once: which line of the routine is the first that is off?",
        "Run check_up of the lesson on what colleague(x, y) returns; mend that line alone, and run "
        "it again.",
        "No Softmax in the model; the optimizer made last, from the finished model's parameters(); "
        "a rate such as 0.1.",
    ),
)
