"""`sweep`: many small runs at once, over learning rates, knobs and seeds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from coursekit.device import pick_device
from coursekit.errors import BadInputError
from coursekit.sweeps import Sweep
from coursekit.training.batches import Batches
from coursekit.training.guard import Guard
from coursekit.training.progress import Count, counting
from coursekit.training.sweeping.alone import Build, Loss, Task, train_in_processes
from coursekit.training.sweeping.groups import Group, Models, groups_of, models_of, stacks_of
from coursekit.training.sweeping.settings import Value, grid_of
from coursekit.training.sweeping.update import Optimizers

Floats = npt.NDArray[np.float64]
Pass = Iterable[tuple[Any, Any]]

_IN_NAT = {
    "CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss", "cross_entropy", "nll_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
}  # fmt: skip


class _Losses:
    """The losses of all runs, filled in as they come.

    Attributes:
        start: The mean over the first pass before any update, shape (runs,).
        curve: The mean over each epoch, shape (runs, epochs).
    """

    def __init__(self, runs: int, epochs: int) -> None:
        self.start = np.full(runs, np.nan)
        self.curve = np.full((runs, epochs), np.nan)

    def diverged(self, above: float) -> npt.NDArray[np.bool_]:
        """Whether a run's last loss is not finite, or above so many times its start."""
        last = self.curve[:, -1]
        found: npt.NDArray[np.bool_] = ~np.isfinite(last) | (last > above * np.abs(self.start))
        return found

    def cut(self) -> None:
        """Forget what came after the first loss that was not finite: it means nothing."""
        broken = ~np.isfinite(self.curve)
        self.curve[:, 1:][np.logical_or.accumulate(broken, axis=1)[:, :-1]] = np.nan


def sweep(
    build: Build,
    data: Iterable[Any],
    *,
    loss_fn: Loss,
    lr: Iterable[float],
    epochs: int,
    optimizer: Optimizers = torch.optim.SGD,
    over: Mapping[str, Iterable[Value]] | None = None,
    seeds: Iterable[int] = (0,),
    device: str | torch.device | None = None,
    jobs: int | None = None,
    diverged_above: float = 2.0,
    progress: bool | None = None,
) -> Sweep:
    """Train a model at every learning rate, with every knob value and every seed.

    Each run is the plain loop: for each batch ``zero_grad``, forward, loss, ``backward``, ``step``,
    with the losses that it would have by itself, up to rounding. Runs whose models are one program
    are stacked and trained as one (``torch.func``), where the optimizer is SGD, Adam or AdamW.
    What cannot be stacked is trained in processes (joblib); ``result.how`` says which, and why.
    Ctrl-C stops a sweep, and nothing of it is returned.

    Args:
        build: ``build(seed, **knobs)`` makes a new model, in plain PyTorch. Torch is seeded with
            the seed before each call.
        data: Yields pairs (inputs, labels), anew for each epoch. All runs get the same batches.
        loss_fn: ``loss_fn(model(inputs), labels)`` gives one number.
        lr: The learning rates.
        epochs: Passes over the data.
        optimizer: Called as ``optimizer(parameters, lr=lr)``: a class, or a
            ``functools.partial`` with more options.
        over: Keyword arguments of build, each with the values to try.
        seeds: One run per setting and seed.
        device: Where to train, as in `coursekit.pick_device`. None trains where build puts models.
            The loss's own weights are moved there.
        jobs: Processes, for what cannot be stacked; None takes one a core.
        diverged_above: A run has diverged where its loss is not finite at some batch, or its last
            epoch's mean is above this many times the mean loss that it began with.
        progress: Show a bar; None shows one in a terminal or notebook only.

    Raises:
        BadInputError: A grid that is empty or holds what cannot be used, a build that does not
            take a knob or returns no model, data or labels that cannot be trained on, a loss that
            is not one number; or a run raised an error, which names its setting.

    >>> from torch import nn
    >>> x = torch.linspace(-1, 1, 8).unsqueeze(1)
    >>> def build(seed, scale):
    ...     model = nn.Linear(1, 1)
    ...     nn.init.constant_(model.weight, scale)
    ...     return model
    >>> result = sweep(
    ...     build, [(x, 2 * x)], loss_fn=nn.MSELoss(), lr=[0.1, 1.0, 10.0], epochs=9,
    ...     over={"scale": [0.5, 1.0]},
    ... )
    >>> result
    Sweep(6 runs: 3 lr × 2 scale × 1 seed; 9 epochs, 2 diverged)
    >>> result.how
    ('6 runs stacked, with SGD.',)
    """
    _check_choices(epochs=epochs, jobs=jobs, diverged_above=diverged_above)
    grid = grid_of(lr, over, seeds)
    place = None if device is None else pick_device(str(device))
    task = Task(build=build, loss_fn=loss_fn, optimizer=optimizer, device=place)
    models = models_of(task, grid)
    if isinstance(loss_fn, nn.Module):
        loss_fn.to(models.device)  # class weights of its own
    guard = Guard(models.each[0], loss_fn, name="data")
    batches = Batches(data, models.device, guard=guard, name="data")
    first = list(batches)
    groups = groups_of(task, models, first)
    losses = _Losses(len(models.settings), epochs)
    passes = _passes(first, batches, epochs, keep=any(group.refusal for group in groups))
    total = len(models.settings) * epochs
    with counting("sweep", unit="epoch", shown=progress, total=total) as done:
        _train_stacked(task, models, groups, first, passes, losses, done)
        _train_apart(task, models, groups, passes, jobs, losses, done)
    losses.cut()
    return Sweep(
        settings=grid.columns(),
        start=losses.start,
        curve=losses.curve,
        diverged=losses.diverged(diverged_above),
        diverged_above=float(diverged_above),
        how=tuple(group.how(models.settings, grid.over) for group in groups),
        unit="nat" if _name(loss_fn) in _IN_NAT else "",
    )


def _train_stacked(
    task: Task,
    models: Models,
    groups: Sequence[Group],
    first: Sequence[tuple[Any, Any]],
    passes: Iterable[Pass],
    losses: _Losses,
    done: Count,
) -> None:
    """All stacks side by side: each batch is read once and updates every run."""
    stacks = [pair for group in groups for pair in stacks_of(task, models, group)]
    if not stacks:
        return
    for runs, stack in stacks:
        losses.start[runs] = stack.untrained(first)
    for batches in passes:
        for inputs, labels in batches:
            for _, stack in stacks:
                stack.step(inputs, labels)
        for runs, stack in stacks:
            stack.curves.close_epoch()
            done(len(runs))
    for runs, stack in stacks:
        losses.curve[runs] = stack.curves.values()


def _train_apart(
    task: Task,
    models: Models,
    groups: Sequence[Group],
    passes: Iterable[Pass],
    jobs: int | None,
    losses: _Losses,
    done: Count,
) -> None:
    """What cannot be stacked: one run after another in each of several processes."""
    runs = [run for group in groups if group.refusal for run in group.runs]
    if not runs:
        return
    on_host = [[(x.cpu(), y.cpu()) for x, y in batches] for batches in passes]
    settings, epochs = [models.settings[run] for run in runs], len(on_host)
    finished = train_in_processes(
        task, settings, on_host, device=models.device, jobs=jobs,
        done=lambda count: done(count * epochs),
    )  # fmt: skip
    for run, one in zip(runs, finished, strict=True):
        losses.start[run], losses.curve[run, : len(one.means)] = one.start, one.means


def _passes(first: Pass, batches: Batches, epochs: int, *, keep: bool) -> Iterable[Pass]:
    """The batches of each epoch: read as they are needed, or kept to be read twice."""
    later: Iterator[Pass] = (batches for _ in range(1, epochs))
    return [first, *map(list, later)] if keep else chain([first], later)


def _name(loss_fn: Loss) -> str:
    """The name of a loss function, or of its class."""
    return getattr(loss_fn, "__name__", type(loss_fn).__name__)


def _check_choices(*, epochs: int, jobs: int | None, diverged_above: float) -> None:
    """Refuse numbers that cannot be used."""
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise BadInputError(f"epochs is {epochs!r}; pass a whole number from 1.")
    if jobs is not None and (isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0):
        raise BadInputError(
            f"jobs is {jobs!r}; pass a number of processes from 1, or -1 for one a core."
        )
    number = isinstance(diverged_above, float | int) and not isinstance(diverged_above, bool)
    if not number or not diverged_above > 0:
        raise BadInputError(
            f"diverged_above is {diverged_above!r}; pass a number above 0, or math.inf to count "
            "only losses that are not finite."
        )
