"""Task 2: ``parts(x, y)`` builds a network and its loop, of which every line is well."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from coursekit import check_up
from coursekit.cases.rows import Pair, breast_cancer, tensors, wine
from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.the_procedure.inside import agreement, same_by_lot
from coursekit.checks.the_procedure.loops import weights_of
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, told_apart, two_digits
from coursekit.training.checkup import CheckUp

STEPS, PASSES = 120, 15  # a pass has seven or eight batches
ENOUGH = 0.85  # of the held-out rows; the colleague's network stays below .7
ALIKE = 0.9  # cosine of two gradients: with a penalty or noise above .96, with a softmax below .5
NAMES = "one_pass, model, loader, loss_fn, optimizer"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What an answer did with one data set.

    Attributes:
        data: What messages call it.
        lines: What the routine measured.
        fresh: Whether the model as it came is the same for other labels.
        alike: Cosine between the loop's gradient and that of the loss.
        outputs: Outputs a row.
        classes: How many there should be.
        still: The parameters that the passes did not move.
        accuracy: Share of the held-out rows named rightly after the passes.
    """

    data: str
    lines: CheckUp
    fresh: bool
    alike: float
    outputs: int
    classes: int
    still: tuple[str, ...]
    accuracy: float


def gather(parts: Callable[..., Any]) -> tuple[Trained, ...]:
    """Build, measure and train on two data sets that differ in columns and classes."""
    wines, cancer = wine(151), breast_cancer(152)
    few = (cancer[0][0][:120], cancer[0][1][:120])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
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

    def model_for(labels: Tensor) -> nn.Module:
        return _five(call(parts, {"x": x, "y": labels}, name="parts").result)[1]

    lines = _measured(data, one_pass, model, loader, loss_fn, optimizer)
    before = weights_of(model)
    for _ in range(PASSES):
        one_pass(loader)
    outputs = _outputs(model, tensors(test, "cpu").tensors[0])
    still = tuple(n for n, w in model.named_parameters() if torch.equal(w, before[n]))
    classes = int(y.max()) + 1
    return Trained(
        data=data,
        lines=lines,
        fresh=same_by_lot(model_for, y),
        alike=agreement(one_pass, model, loader, loss_fn, classes),
        outputs=outputs.shape[1],
        classes=classes,
        still=still,
        accuracy=_accuracy(outputs, tensors(test, "cpu").tensors[1]),
    )


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


def _measured(data: str, *five: Any) -> CheckUp:
    """The lines; an error in between is of the parts, such as a width of the other data."""
    try:
        return check_up(*five, steps=STEPS)
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(
            f"On {data}, check_up of your parts raised {type(error).__name__}: {error}"
        ) from error


def _outputs(model: nn.Module, x: Tensor) -> Tensor:
    """What the trained model gives, shape (rows, outputs)."""
    model.eval()
    with torch.no_grad():
        outputs: Tensor = model(x)
    return outputs.reshape(len(x), -1)


def _accuracy(outputs: Tensor, y: Tensor) -> float:
    """Share of the rows named rightly; a model whose outputs are no numbers names none."""
    right = (outputs.argmax(dim=1) == y) & outputs.isfinite().all(dim=1)
    return float(right.float().mean())


def well(*names: str) -> Callable[[tuple[Trained, ...]], str | None]:
    """The test that these lines of the routine are well."""

    def test(evidence: tuple[Trained, ...]) -> str | None:
        for one in evidence:
            for line in one.lines:
                if line.name in names and not line.well:
                    return f"On {one.data}, the line {line.name} is off: {line.words}."
        return None

    return test


def it_is_fresh(evidence: tuple[Trained, ...]) -> str | None:
    """The model has not been trained when it comes."""
    for one in evidence:
        if not one.fresh:
            return (
                f"On {one.data}, the model that comes is another one where the labels are dealt "
                "out by lot: it has been trained already; expected a fresh one."
            )
    return None


def the_loop_uses_the_loss(evidence: tuple[Trained, ...]) -> str | None:
    """What the loop goes along is the gradient of the loss that came with it."""
    for one in evidence:
        if one.alike < ALIKE:
            return (
                f"On {one.data}, one_pass does not go along the gradient of loss_fn(model(inputs), "
                f"labels): the cosine between the two is {two_digits(one.alike)}; expected 1."
            )
    return None


def a_class_has_an_output(evidence: tuple[Trained, ...]) -> str | None:
    """As many outputs as classes."""
    for one in evidence:
        if one.outputs != one.classes:
            return f"On {one.data}, the network has {one.outputs} outputs a row."
    return None


def the_loop_is_sound(evidence: tuple[Trained, ...]) -> str | None:
    """The line "loop", and nothing is frozen."""
    for one in evidence:
        if one.lines["loop"].well and one.still:
            return f"On {one.data}, {PASSES} passes did not move {', '.join(one.still)}."
    return well("loop")(evidence)


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
            name="fresh",
            test=it_is_fresh,
            hint="parts builds, one_pass trains. The routine asks what a fresh model does.",
        ),
        Clause(
            name="outputs",
            test=a_class_has_an_output,
            hint="One output for each class that y has.",
        ),
        Clause(
            name="other lines",
            test=well("rows", "first loss", "gradients", "rate"),
            hint="The colleague's code has this line well. What did you change besides?",
        ),
        Clause(
            name="loss",
            test=well("loss"),
            hint="What does this criterion expect, and what does the last layer give? Lesson 05.",
        ),
        Clause(
            name="loop",
            test=the_loop_is_sound,
            hint="Which tensors does the optimizer hold, and when were they made? When are the "
            "gradients emptied? Lesson 06.",
        ),
        Clause(
            name="same loss",
            test=the_loop_uses_the_loss,
            hint="The line loss looks at loss_fn alone, not into the loop. What does the loop do "
            "with the outputs, or with the labels, before it calls loss_fn?",
        ),
        Clause(
            name="step",
            test=well("step"),
            hint="A step is rate × gradient long. Which rate brings it well inside? Lesson 03.",
        ),
        Clause(
            name="one batch",
            test=well("one batch"),
            hint="Look at the line step: its limits are wide, and near the lower one so many steps "
            "are too few. Aim at 0.01 to 0.1.",
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
        f"Run check_up(*parts(x, y), steps={STEPS}); mend the first line that is off; again.",
        "No Softmax in the model; the optimizer made last, from the finished model's parameters(); "
        "a rate such as 0.1.",
    ),
)
