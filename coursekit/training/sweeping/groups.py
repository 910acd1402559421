"""The models of a sweep, and which of their runs are one program."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from coursekit.errors import BadInputError
from coursekit.training.sweeping.alone import Task, dice_kept, model_of, naming
from coursekit.training.sweeping.check import Rehearsed, rehearse, signature
from coursekit.training.sweeping.settings import Grid, Setting, Value
from coursekit.training.sweeping.stacked import Stack, chunk_size
from coursekit.training.sweeping.update import Rule, rule_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Models:
    """The untrained models: one for all learning rates of a knob setting and seed.

    Attributes:
        settings: One a run, the learning rate changing fastest.
        each: The distinct models, in that order.
        rates: How many learning rates there are.
        device: Where all the models are.
    """

    settings: Sequence[Setting]
    each: Sequence[nn.Module]
    rates: int
    device: torch.device

    def number(self, run: int) -> int:
        """Which of the models a run begins from."""
        return run // self.rates

    def of(self, run: int) -> nn.Module:
        """The model that a run begins from."""
        return self.each[self.number(run)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Runs whose models are one program.

    Attributes:
        runs: Their places among the settings.
        rule: Their update, or why there is none for a stack.
        rehearsed: What the first pass showed.
    """

    runs: Sequence[int]
    rule: Rule | str
    rehearsed: Rehearsed

    @property
    def refusal(self) -> str | None:
        """Why these runs cannot be stacked; None where they can."""
        return self.rehearsed.refusal

    def how(self, settings: Sequence[Setting], over: Mapping[str, Sequence[Value]]) -> str:
        """How the runs are computed, in a sentence."""
        which = _told_apart([settings[run] for run in self.runs], over)
        if isinstance(self.rule, Rule) and self.refusal is None:
            return f"{len(self.runs)} runs{which} stacked, with {self.rule.name}."
        return f"{len(self.runs)} runs{which} in processes: {self.refusal}."


def models_of(task: Task, grid: Grid) -> Models:
    """Build each model once; the learning rates of one setting begin from the same weights.

    Raises:
        BadInputError: Build cannot be used, or puts its models on several devices.
    """
    settings = grid.settings()
    rates = len(grid.lr)
    with dice_kept():
        each = [model_of(task, setting) for setting in settings[::rates]]
    places = {weight.device for model in each for weight in model.parameters()}
    if len(places) > 1:
        raise BadInputError(
            f"build puts weights on {' and '.join(sorted(map(str, places)))}. Pass device= to have "
            "all of them on one."
        )
    return Models(settings=settings, each=each, rates=rates, device=places.pop())


def groups_of(task: Task, models: Models, batches: Sequence[tuple[Any, Any]]) -> list[Group]:
    """Sort the runs by program, and rehearse each program with its first model.

    Args:
        task: What every run does.
        models: The untrained models.
        batches: The first pass, on the device.

    Raises:
        BadInputError: A model cannot take the data, or the loss is not one number.
    """
    numbers: dict[Hashable, list[int]] = {}
    for number, model in enumerate(models.each):
        numbers.setdefault(signature(model), []).append(number)
    first = range(models.rates)
    return [
        _group(task, models, [n * models.rates + k for n in same for k in first], batches)
        for same in numbers.values()
    ]


def stacks_of(task: Task, models: Models, group: Group) -> list[tuple[Sequence[int], Stack]]:
    """Stacks that fit in memory, each with the places of its runs; none where they are refused."""
    rule = group.rule
    if group.refusal is not None or isinstance(rule, str):
        return []
    needed, device = group.rehearsed.bytes_a_run, models.device
    size = chunk_size(len(group.runs), bytes_a_run=needed, device=device)
    stacks = []
    for begin in range(0, len(group.runs), size):
        runs = group.runs[begin : begin + size]
        numbers = list(dict.fromkeys(map(models.number, runs)))
        place = {number: row for row, number in enumerate(numbers)}
        stack = Stack(
            [models.each[number] for number in numbers],
            [place[models.number(run)] for run in runs],
            rule=replace(rule, lr=rule.lr[begin : begin + size]),
            loss_fn=task.loss_fn, device=device,
        )  # fmt: skip
        stacks.append((runs, stack))
    return stacks


def _group(
    task: Task, models: Models, runs: list[int], batches: Sequence[tuple[Any, Any]]
) -> Group:
    """One group, its first model rehearsed."""
    model, setting = models.of(runs[0]), models.settings[runs[0]]
    rates = [models.settings[run].lr for run in runs]
    rule = rule_of(task.optimizer, list(model.parameters()), rates)
    with naming(setting):
        rehearsed = rehearse(
            model, batches, loss_fn=task.loss_fn, rule=rule, device=models.device
        )  # fmt: skip
    return Group(runs=runs, rule=rule, rehearsed=rehearsed)


def _told_apart(settings: Sequence[Setting], over: Mapping[str, Sequence[Value]]) -> str:
    """The knob values of a group, where it does not have all of them."""
    own = {name: list(dict.fromkeys(s.knobs[name] for s in settings)) for name in over}
    parts = [
        f"{name} {', '.join(map(str, values))}"
        for name, values in own.items()
        if len(values) < len(over[name])
    ]
    return f" ({'; '.join(parts)})" if parts else ""
