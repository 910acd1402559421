"""Task 1: ``stop_early(…)`` trains until validation is no better, and goes back to the best."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_array

MOST_CALLS = 50  # of train_epoch, where an answer does not stop by itself
BEFORE = 0.0  # validation loss before the first epoch: an untrained model may be the best


@dataclass(frozen=True, kw_only=True)
class Script:
    """Validation losses, and what early stopping must do.

    Attributes:
        losses: The loss after each epoch.
        patience: How long to wait.
        epochs: How many epochs may be trained.
        trained: How many are.
        best: The number of the best, counted from 1.
    """

    losses: tuple[float, ...]
    patience: int
    epochs: int
    trained: int
    best: int

    @property
    def name(self) -> str:
        """What messages call it."""
        shown = ", ".join(f"{loss:g}" for loss in self.losses[: self.epochs])
        return f"With the losses {shown}, patience={self.patience} and epochs={self.epochs}"


# smaller is smaller, if only by a hundred-thousandth; and a loss can be any number
SCRIPTS = (
    Script(losses=(5, 4, 3, 4, 5, 6, 1, 1), patience=2, epochs=8, trained=5, best=3),
    Script(losses=(0.5, 0.6, 0.49999, 0.6, 0.49998, 0.6, 0.49997, 0.6), patience=2, epochs=8,
           trained=8, best=7),
    Script(losses=(60000, 50000, 40000, 30000, 20000, 11000), patience=3, epochs=6, trained=6,
           best=6),
    Script(losses=(5, 4, 4, 4, 4, 5), patience=3, epochs=6, trained=5, best=2),
    Script(losses=(5, 3, 6, 4, 7, 2), patience=2, epochs=6, trained=4, best=2),
    Script(losses=(2, 3, 4, 5, 6), patience=9, epochs=5, trained=5, best=1),
)  # fmt: skip


@dataclass(frozen=True)
class Stopping:
    """The learner's function, with an epoch and a validation for the model that it is handed."""

    func: Callable[..., Any] = field()  # this name is where `call` looks for the learner's code

    def __call__(self, model: nn.Module, script: Script, trained: list[int]) -> Any:
        """Early stopping by the learner; ``trained`` gets the epochs."""

        def train_epoch() -> None:
            trained.append(len(trained) + 1)
            if len(trained) > MOST_CALLS:
                raise RuntimeError(
                    f"train_epoch was called {MOST_CALLS} times with epochs={script.epochs}"
                )
            mark(model, len(trained))

        def validate() -> float:
            place = min(len(trained), len(script.losses))
            return script.losses[place - 1] if place else BEFORE

        return self.func(model, train_epoch, validate, script.patience, script.epochs)


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What an answer did with one script.

    Attributes:
        script: The script.
        trained: How many epochs it trained.
        weights: The epoch that the weights are of in the end; None where they are of several.
        averages: The same of what BatchNorm keeps.
        said: What came back.
    """

    script: Script
    trained: int
    weights: int | None
    averages: int | None
    said: float


Evidence = tuple[Stopped, ...]


def network() -> nn.Module:
    """A model with weights, and with averages that are no weights."""
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def mark(model: nn.Module, epoch: int) -> None:
    """Set all numbers of a model to those of an epoch, in place as an optimizer does."""
    with torch.no_grad():
        for numbers in model.state_dict().values():
            numbers.fill_(epoch)


def gather(stop_early: Callable[..., Any]) -> Evidence:
    """Run each script."""
    return tuple(_stopped(stop_early, script) for script in SCRIPTS)


def trains_long_enough(evidence: Evidence) -> str | None:
    """It stops when it should, and not before."""
    for one in evidence:
        if one.trained != one.script.trained:
            return (
                f"{one.script.name}, train_epoch was called {one.trained} times; "
                f"expected {one.script.trained}."
            )
    return None


def weights_are_the_best(evidence: Evidence) -> str | None:
    """In the end the weights are those of the best epoch."""
    for one in evidence:
        if one.weights != one.script.best:
            return f"{one.script.name}, {_of(one.weights, 'weights')}; expected {one.script.best}."
    return None


def averages_are_the_best(evidence: Evidence) -> str | None:
    """So are the averages that BatchNorm keeps."""
    for one in evidence:
        if one.weights == one.script.best != one.averages:
            seen = _of(one.averages, "averages that BatchNorm keeps")
            return f"{one.script.name}, {seen}; expected {one.script.best}."
    return None


def number_is_right(evidence: Evidence) -> str | None:
    """The best epoch's number comes back."""
    for one in evidence:
        if one.said != one.script.best:
            return f"{one.script.name}, {one.said:g} came back; expected {one.script.best}."
    return None


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    spared = sum(one.script.epochs - one.trained for one in evidence)
    return (
        f"On {len(evidence)} courses of the validation loss, the model ends as it was after its "
        f"best epoch; {spared} epochs were spared."
    )


check_stop_early = Check(
    task="Task 1",
    takes=("stop_early",),
    gather=gather,
    clauses=(
        Clause(
            name="epochs",
            test=trains_long_enough,
            hint="Count the epochs since the best one. Only a loss smaller than all so far sets "
            "the count back to 0: no equal one, and no drop that stays above the best. "
            "The untrained model is of no epoch: its loss does not count.",
        ),
        Clause(
            name="weights",
            test=weights_are_the_best,
            hint="Does what you keep go on changing with the model? Print it one epoch later. And "
            "is it put back at the end, also where the epochs run out? `model = …` only renames; "
            "load the weights into the model that came.",
        ),
        Clause(
            name="averages",
            test=averages_are_the_best,
            hint="A model holds more than parameters(). What does model.state_dict() list?",
        ),
        Clause(
            name="number",
            test=number_is_right,
            hint="The number of the best epoch, not its loss; the first epoch is number 1.",
        ),
    ),
    verified=verified,
    hints=(
        "What do you have to remember from one epoch to the next? There are three things.",
        "Keep model.state_dict() of an epoch, train one more, and compare a weight of what you "
        "kept with the model's.",
        "import copy first. In each epoch: train_epoch(), loss = validate(); if loss < lowest: "
        "keep loss, epoch and copy.deepcopy(model.state_dict()); if epoch - best_epoch == "
        "patience: break. After the loop, model.load_state_dict(kept), and return best_epoch.",
    ),
)


def _of(epoch: int | None, what: str) -> str:
    """Which epoch some numbers are of, in a clause."""
    return f"the {what} are of {'several epochs' if epoch is None else f'epoch {epoch}'} in the end"


def _stopped(stop_early: Callable[..., Any], script: Script) -> Stopped:
    """One call of the answer."""
    model = network()
    mark(model, 0)
    arguments = {"model": model, "script": script, "trained": []}
    outcome = call(Stopping(stop_early), arguments, name="stop_early")
    after, trained = outcome.handed["model"], outcome.handed["trained"]
    said = as_array(outcome.result, shape=(), source=f"{script.name}, stop_early")
    return Stopped(
        script=script, trained=len(trained), weights=_epoch(after.parameters()),
        averages=_epoch(after.buffers()), said=float(said),
    )  # fmt: skip


def _epoch(parts: Any) -> int | None:
    """The epoch that all of these numbers are of."""
    found = {value for part in parts for value in part.flatten().tolist()}
    return int(found.pop()) if len(found) == 1 else None
