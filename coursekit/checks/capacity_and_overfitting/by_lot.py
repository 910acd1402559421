"""Task 2: ``by_lot(…)``: the loss of a model that learns targets which were dealt out by lot."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coursekit.checks.calling import call
from coursekit.checks.capacity_and_overfitting.rows import Noted, Rows, fit, tables
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array
from coursekit.checks.wording import told_apart, two_digits

TOGETHER = 0.33  # correlation of dealt and true targets; one deal in 20,000 reaches .3
BESIDE = 0.4  # correlation of neighbours' targets; of 20,000 deals none reaches .3
TOLERANCE = 1e-3  # of the loss


@dataclass(frozen=True)
class Dealing:
    """The learner's function with the models that it trains noted down."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, models: list[Noted], rows: Rows, x: Tensor, y: Tensor) -> Any:
        """The answer's number; ``models`` gets what it trained, the last one last."""

        def build() -> Noted:
            return Noted(rows.outputs)

        def noted_fit(model: Noted, x: Tensor, y: Tensor) -> None:
            models[:] = [*(other for other in models if other is not model), model]
            fit(model, x, y)

        return self.func(build, noted_fit, rows.loss_fn, x, y)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dealt:
    """What an answer did with some rows.

    Attributes:
        rows: The rows.
        fits: How many models were trained. What follows is about the one whose loss came back,
            or else the one that was trained last.
        new: Whether the model had seen no other rows or targets before.
        together: Correlation of each row's target in training with its true one, by its size.
        beside: The same of the targets of rows that are neighbours in the table.
        same: Whether rows and targets are, each by themselves, those that were handed over.
        should: The loss in evaluation mode of that model on what it was trained on.
        said: What came back.
        altered: What the answer changed in place.
    """

    rows: Rows
    fits: int
    new: bool
    together: float
    beside: float
    same: bool
    should: float
    said: float
    altered: tuple[str, ...]


Evidence = tuple[Dealt, ...]


def gather(by_lot: Callable[..., Any]) -> Evidence:
    """Call the answer on each table, up to the first where it loses or makes targets."""
    found: list[Dealt] = []
    for rows in tables():
        found.append(_dealt(by_lot, rows))
        if not found[-1].same:
            break  # numbers that are made up may raise an error where classes are asked for
    return tuple(found)


def something_is_trained(evidence: Evidence) -> str | None:
    """A model of build() went through fit()."""
    for one in evidence:
        if one.fits == 0:
            return f"On {one.rows.name}, no model of build() was trained with fit()."
    return None


def the_same_numbers(evidence: Evidence) -> str | None:
    """Dealing out loses no target, and makes none."""
    for one in evidence:
        if one.fits and not one.same:
            return (
                f"On {one.rows.name}, fit got other rows or targets than those that were handed "
                "over. Each must be there once."
            )
    return None


def the_model_is_new(evidence: Evidence) -> str | None:
    """It has learnt nothing else before."""
    for one in evidence:
        if not one.new:
            return (
                f"On {one.rows.name}, the model was trained on other targets before. "
                "Expected a new one."
            )
    return None


def pairs_are_broken(evidence: Evidence) -> str | None:
    """A row's target says nothing about its true one."""
    for one in evidence:
        if one.same and one.together > TOGETHER:
            return (
                f"On {one.rows.name}, the targets that fit got still go with the true ones of "
                f"their rows: a correlation of {two_digits(one.together)}, whatever its sign; "
                f"expected less than {TOGETHER}."
            )
        if one.same and one.beside > BESIDE:
            return (
                f"On {one.rows.name}, the targets that fit got are still in the order of the true "
                f"ones in stretches: a correlation of {two_digits(one.beside)} between neighbours."
            )
    return None


def loss_is_right(evidence: Evidence) -> str | None:
    """The number is the loss on the dealt targets, in evaluation mode."""
    for one in evidence:
        if one.fits and not _close(one.said, one.should):
            seen, expected = told_apart(one.said, one.should)
            return (
                f"On {one.rows.name}, {seen} came back; the model that was trained last has a "
                f"loss of {expected} in use, on what it was trained on."
            )
    return None


def nothing_changes(evidence: Evidence) -> str | None:
    """The caller's rows and targets are as they were."""
    for one in evidence:
        if one.altered:
            return f"On {one.rows.name}, by_lot changed {' and '.join(one.altered)} in place."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"On {' and '.join(one.rows.name for one in evidence)}, sorted by their targets, the model "
        "was trained on targets by lot, and your number is its loss in use."
    )


check_by_lot = Check(
    task="Task 2",
    takes=("by_lot",),
    gather=gather,
    clauses=(
        Clause(
            name="trained",
            test=something_is_trained,
            hint="model = build(), then fit(model, rows, targets).",
        ),
        Clause(
            name="numbers",
            test=the_same_numbers,
            hint="By lot: the same targets in another order. torch.randperm(n) gives the numbers 0 "
            "to n - 1 in an order by chance.",
        ),
        Clause(
            name="pairs",
            test=pairs_are_broken,
            hint="The rows may come sorted. Did rows and targets get the same new order? And "
            "is it one by chance?",
        ),
        Clause(
            name="new",
            test=the_model_is_new,
            hint="Each call of build() gives a new model: call it again for other targets.",
        ),
        Clause(
            name="loss",
            test=loss_is_right,
            hint="Which targets was the model trained on? And which mode is it in after training?",
        ),
        Clause(
            name="changes",
            test=nothing_changes,
            hint="The caller needs its targets again. y[order] is a new tensor; y[:] = … is not.",
        ),
    ),
    verified=verified,
    hints=(
        "What must stay the same about the targets, and what must go?",
        "Print x, y and what you hand to fit, of five rows each. Then ask the model for the same "
        "rows twice.",
        "dealt = y[torch.randperm(len(y))]; model = build(); fit(model, x, dealt); model.eval(); "
        "then loss_fn(model(x), dealt) without gradients.",
    ),
)


def _dealt(by_lot: Callable[..., Any], rows: Rows) -> Dealt:
    """One call of the answer."""
    arguments = {"models": [], "rows": rows, "x": rows.x, "y": rows.y}
    outcome = call(Dealing(by_lot), arguments, name="by_lot")
    said = as_array(outcome.result, shape=(), source=f"On {rows.name}, by_lot")
    trained = outcome.handed["models"]
    changed = tuple(name for name in outcome.altered if name in "xy")
    if not trained:
        return Dealt(
            rows=rows, fits=0, new=True, together=0.0, beside=0.0, same=False, should=math.nan,
            said=float(said), altered=changed,
        )  # fmt: skip
    model = _meant(trained, rows, float(said))
    x, y = model.rows[-1], model.targets[-1]
    numbers = _numbers(rows, x)
    same = numbers is not None and torch.equal(y.sort().values, rows.y.sort().values)
    dealt = y[np.argsort(numbers)] if same and numbers is not None else None  # as in the table
    return Dealt(
        rows=rows, fits=len(trained), same=same,
        new=_only(x, model.rows) and _only(y, model.targets),
        together=0.0 if dealt is None else _together(rows.y, dealt),
        beside=0.0 if dealt is None else _together(dealt, dealt.roll(1)),
        should=_loss(model, rows), said=float(said), altered=changed,
    )  # fmt: skip


def _meant(trained: list[Noted], rows: Rows, said: float) -> Noted:
    """The model whose loss came back, or else the one that was trained last.

    Where two have that loss, it is the one whose targets are not in the order of the table.
    """
    fitting = [model for model in reversed(trained) if _close(said, _loss(model, rows))]
    in_order = [model for model in fitting if torch.equal(model.targets[-1].to(rows.y), rows.y)]
    others = [model for model in fitting if model not in in_order]
    return (others or fitting or trained[-1:])[0]


def _close(said: float, should: float) -> bool:
    """Whether a loss is the right one."""
    return abs(said - should) <= TOLERANCE * max(1.0, abs(should))


def _only(last: Tensor, seen: list[Tensor]) -> bool:
    """Whether all trainings had what the last one had."""
    return all(torch.equal(one, last) for one in seen)


def _numbers(rows: Rows, x: Tensor) -> list[int] | None:
    """The number of each row that fit got; None where they are not the rows of the table."""
    place: dict[bytes, list[int]] = {}
    for number, row in enumerate(rows.x):
        place.setdefault(row.numpy().tobytes(), []).append(number)
    found = [place.get(row.numpy().tobytes(), []) for row in x.float()]
    if len(x) != len(rows.x) or not all(found):
        return None
    numbers = [where.pop() if len(where) > 1 else where[0] for where in found]
    return numbers if len(set(numbers)) == len(numbers) else None


def _together(true: Tensor, dealt: Tensor) -> float:
    """Correlation, without its sign; 1 where it is none."""
    return abs(float(np.nan_to_num(np.corrcoef(true.numpy(), dealt.numpy())[0, 1], nan=1.0)))


def _loss(model: Noted, rows: Rows) -> float:
    """The loss in evaluation mode on what the model was trained on last."""
    model.eval()
    with torch.no_grad():
        return float(rows.loss_fn(model(model.rows[-1]), model.targets[-1]))
