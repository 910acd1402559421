"""The state of a live control: plain values and a pure `update`. No widget and no torch here."""

import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from coursekit.widgets.scores import Quantity, Rows, same_number, score_words
from coursekit.widgets.setting import Setting

Below = Literal["score", "gradients"]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a live control shows under the loss.

    Attributes:
        quantity: What is scored after each epoch.
        rows: On which rows: ``val``, or ``test``, which stands for the rows in use.
        below: The lower picture: that score, or the gradient norm of each layer.

    >>> Watch(quantity="accuracy", rows="test").words
    'accuracy in use'
    """

    quantity: Quantity = "accuracy"
    rows: Rows = "val"
    below: Below = "score"

    @property
    def words(self) -> str:
        """What the score is called."""
        return f"{self.quantity} in use" if self.rows == "test" else f"validation {self.quantity}"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What a run has shown so far.

    Attributes:
        losses: Training loss of each step, before its update, shape (steps,).
        scored_at: Steps done when the validation rows were scored, shape (scorings,).
        scores: The scores, shape (scorings,).
        planned_steps: Steps of the whole run.
        gradients: The norm of the newest finite gradient of each layer's weights, from the input
            on, shape (layers,); empty where it is not watched.
        overflowed: Whether a gradient after those was not finite.

    >>> Curve(losses=(1.1, 9.0, math.nan), planned_steps=360).diverged_at
    2
    """

    losses: tuple[float, ...] = ()
    scored_at: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    planned_steps: int = 0
    gradients: tuple[float, ...] = ()
    overflowed: bool = False

    @property
    def diverged_at(self) -> int | None:
        """The first step whose loss is not finite, or None."""
        return next((i for i, loss in enumerate(self.losses) if not math.isfinite(loss)), None)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The numbers of a finished run.

    Attributes:
        scores: What the recipe's ``evaluate`` returned.
        watched: The last score on the rows that are watched.
        final_loss: Mean training loss of the last epoch.
        dead_share: Share of ReLU units that are zero for every training row, from 0 to 1;
            None where the model has none, or its numbers are not finite.
    """

    scores: Mapping[str, float]
    watched: float
    final_loss: float
    dead_share: float | None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run at one setting; `outcome` is None until it has finished."""

    setting: Setting
    curve: Curve
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An exception, in words.

    Attributes:
        words: Its type and message.
        where: The innermost line of the traceback: file, line, function.
    """

    words: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """All that the view shows.

    Attributes:
        reference: The finished run at the start of every control, always in view.
        setting: Where the controls stand.
        number: Which run is the newest; what an older one reports is dropped.
        live: The newest run, once it has something to show.
        failure: What went wrong in the newest run.
        running: Whether the newest run is still training.
    """

    reference: Run
    setting: Setting
    number: int = 0
    live: Run | None = None
    failure: Failure | None = None
    running: bool = False


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A control moved: a new run begins, and the one before it is over."""

    setting: Setting


@dataclass(frozen=True, kw_only=True)
class Returned:
    """The reset button: back to the reference, no run."""


@dataclass(frozen=True, kw_only=True)
class Grew:
    """A run has more to show."""

    number: int
    curve: Curve


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run came to its end."""

    number: int
    curve: Curve
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A run, or its drawing, raised."""

    number: int
    failure: Failure


Event = Moved | Returned | Grew | Finished | Failed


def update(state: Exploration, event: Event) -> Exploration:
    """The state after an event; the same object where the event is of a run that is over.

    >>> here, there = Setting(knobs=(), chosen=("1",)), Setting(knobs=(), chosen=("10",))
    >>> begun = Exploration(reference=Run(setting=here, curve=Curve()), setting=here)
    >>> moved = update(begun, Moved(setting=there))
    >>> moved.setting.short, moved.number, moved.running
    ('10', 1, True)
    >>> update(moved, Grew(number=0, curve=Curve())) is moved
    True
    """
    match event:
        case Moved(setting=setting):
            return Exploration(
                reference=state.reference, setting=setting, number=state.number + 1, running=True
            )
        case Returned():
            return Exploration(
                reference=state.reference,
                setting=state.reference.setting,
                number=state.number + 1,
            )
        case Grew(number=number) | Finished(number=number) | Failed(number=number) if (
            number != state.number
        ):
            return state
        case Grew(curve=curve):
            return replace(state, live=Run(setting=state.setting, curve=curve))
        case Finished(curve=curve, outcome=outcome):
            live = Run(setting=state.setting, curve=curve, outcome=outcome)
            return replace(state, live=live, running=False)
        case Failed(failure=failure):
            return replace(state, failure=failure, running=False)


def failure_of(error: BaseException) -> Failure:
    """An exception in words, with the place where it was raised.

    >>> try:
    ...     [].index(3)
    ... except ValueError as error:
    ...     failure_of(error).words
    'ValueError: 3 is not in list'
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = "no traceback"
    if frames:
        last = frames[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}, in {last.name}: {last.line}"
    return Failure(words=f"{type(error).__name__}: {error}", where=where)


def run_in_words(run: Run, *, watch: Watch) -> str:
    """The numbers of a run as one sentence.

    >>> outcome = Outcome(
    ...     scores={"test_accuracy": 0.98}, watched=0.9, final_loss=0.2, dead_share=0.25
    ... )
    >>> run = Run(setting=Setting(knobs=(), chosen=()), curve=Curve(), outcome=outcome)
    >>> run_in_words(run, watch=Watch())
    'test accuracy 0.980, validation accuracy 0.900, final training loss 0.200, 25 % of hidden units dead.'
    """  # noqa: E501 - a doctest's output cannot be wrapped
    if run.outcome is None:
        return f"{len(run.curve.losses)} of {run.curve.planned_steps} steps."
    parts = [f"{said} {number(value)}" for said, value in scores_in_words(run.outcome, watch=watch)]
    parts.append(f"final training loss {number(run.outcome.final_loss)}")
    if run.outcome.dead_share is not None:
        parts.append(f"{run.outcome.dead_share:.0%} of hidden units dead".replace("%", " %"))
    if run.curve.gradients:
        parts.append(_gradients_in_words(run.curve))
    if run.curve.diverged_at is not None:
        parts.insert(0, f"diverged at step {run.curve.diverged_at}")
    return ", ".join(parts) + "."


def scores_in_words(outcome: Outcome, *, watch: Watch) -> list[tuple[str, float]]:
    """Each score by the name that a learner reads; the watched one where no other is that number.

    >>> scores = {"estimate": 0.9, "truth": 0.5, "overestimate": 0.4}
    >>> outcome = Outcome(scores=scores, watched=0.5, final_loss=0.2, dead_share=None)
    >>> [said for said, _ in scores_in_words(outcome, watch=Watch(rows="test"))]
    ['estimate on validation rows', 'truth in use', 'estimate minus truth']
    """
    said = [(score_words(name), value) for name, value in outcome.scores.items()]
    if not same_number(outcome.scores, outcome.watched, quantity=watch.quantity, rows=watch.rows):
        said.append((watch.words, outcome.watched))
    return said


def _gradients_in_words(curve: Curve) -> str:
    """The norm of the first layer and of the last, and whether they are finite still."""
    ends = curve.gradients[0], curve.gradients[-1]
    if not all(map(math.isfinite, ends)):
        return "the gradients overflowed at once"
    said = f"{number(ends[0])} in the first layer, {number(ends[1])} in the last"
    if curve.overflowed:
        return f"last finite gradient norm {said}, overflowed after that"
    return f"gradient norm {said}"


def number(value: float) -> str:
    """A score for a reader: three digits, or words where there is no number.

    >>> number(0.98148), number(30.7002), number(6.64e34), number(math.nan)
    ('0.981', '30.7', '6.64e+34', 'not a number')
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    return f"{value:#.3g}".rstrip(".")
