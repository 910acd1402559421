"""A check-up of a training script: the first lines of the checklist, on a fresh model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from coursekit.errors import BadInputError
from coursekit.training.checkup import measures
from coursekit.training.checkup.given import watched
from coursekit.training.checkup.lines import CheckUp, Line
from coursekit.training.checkup.loop import look_at_loop
from coursekit.training.checkup.neighbours import neighbours
from coursekit.training.checkup.prices import LossFn, prices
from coursekit.training.checkup.rewind import Rewind, companions, standing
from coursekit.training.checkup.script import OnePass, Script
from coursekit.training.guard import check_loss_fn
from coursekit.training.progress import counting
from coursekit.vitals.torch.weights import check_kinds

Batch = Sequence[Tensor]

QUIET_S = 4.0
MOST_BATCHES = 100  # so many are looked at, and a schedule is followed over so many


def check_up(
    one_pass: OnePass,
    model: nn.Module,
    loader: Iterable[Batch],
    loss_fn: LossFn,
    optimizer: torch.optim.Optimizer,
    *,
    scheduler: Any = None,
    steps: int = 400,
    progress: bool | None = None,
) -> CheckUp:
    """Measure the first lines of the checklist on a fresh model, around your own loop.

    Mend the first line that is off, keep the repair, and check again from the top. Afterwards
    model, optimizers, schedulers and random numbers are as they were. What else a loop changes is
    not put back: a counter, a moving average of the weights, the scale of a ``GradScaler``, rows
    that are overwritten.

    The lines *first loss*, *loss* and *gradients* use ``loss_fn(model(inputs), targets)``. Whether
    your loop uses it too is not looked at: a softmax too many inside the loop is not seen.

    Args:
        one_pass: Your loop over the batches that it is given, each (inputs, targets), once:
            forward, backward, step. It uses ``model`` and ``optimizer`` as they are given here.
        model: Fresh: not trained yet, as the script has it before its first epoch.
        loader: Your training batches; at most 100 of them are looked at.
        loss_fn: Called with the model's outputs and the targets of a batch. If your loop does more
            than that, such as ``squeeze`` or one-hot, give a function that does it too.
        optimizer: The one that ``one_pass`` steps.
        scheduler: One that is not PyTorch's, if ``one_pass`` steps it: those of PyTorch that were
            made for the optimizer are found.
        steps: So many steps the model gets to learn one batch by heart; up to four times as many
            as long as its loss falls.
        progress: Count the batches behind a bar once it has taken a few seconds; None does so in a
            terminal or notebook only.

    Raises:
        BadInputError: Something is not of its kind; or the model has no weights; or a batch is not
            a pair of tensors, or there is none; or ``steps`` is below 1; or ``loss_fn`` does not
            take outputs and targets as they are; or ``one_pass`` runs over other batches than
            those that it is given.

    >>> _ = torch.manual_seed(0)
    >>> model = nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> x = torch.randn(32, 2)
    >>> y = x @ torch.tensor([[1.0], [-1.0]])
    >>> def one_pass(batches):
    ...     for inputs, targets in batches:
    ...         loss = nn.functional.mse_loss(model(inputs), targets)
    ...         loss.backward()
    ...         optimizer.step()
    >>> check_up(one_pass, model, [(x, y)] * 4, nn.MSELoss(), optimizer).off[:1]
    ('loop',)
    """
    _check(one_pass, loader)
    check_kinds(model, optimizer)
    check_loss_fn(loss_fn)
    if next(model.parameters(), None) is None:
        raise BadInputError("The model has no weights, so there is nothing to train.")
    if not isinstance(steps, int) or steps < 1:
        raise BadInputError(f"steps is {steps!r}; give a whole number of at least 1.")
    optimizers, schedulers = companions(model, optimizer)
    if scheduler is not None and scheduler not in schedulers:
        schedulers.append(_with_state(scheduler))
    parts = [loss_fn] if isinstance(loss_fn, nn.Module) else []
    # Before the loader draws its order.
    moment = Rewind(model, optimizer, [*parts, *optimizers, *schedulers], loader)
    try:
        batches = [_pair(batch) for batch in islice(iter(loader), MOST_BATCHES)]
        if not batches:
            raise BadInputError("The loader has no batch. Give the one that your loop trains on.")
        with counting("check-up", unit=" batches", shown=progress, delay_s=QUIET_S) as count:
            script = Script(
                one_pass=watched(one_pass, loader, count), model=model, loss_fn=loss_fn,
                optimizer=optimizer, optimizers=[optimizer, *optimizers], schedulers=schedulers,
                batches=batches, moment=moment,
            )  # fmt: skip
            return CheckUp(lines=tuple(_lines(script, steps)))
    finally:
        moment.end()


def _with_state(scheduler: Any) -> Any:
    """A scheduler, if it can be put back."""
    wanted = ("step", "state_dict", "load_state_dict")
    if not all(hasattr(scheduler, name) for name in wanted):
        raise BadInputError(
            f"scheduler={scheduler!r} does not have {', '.join(wanted)}, so it could not be put "
            "back. Pass one of torch.optim.lr_scheduler, or one that has them."
        )
    return scheduler


def _check(one_pass: object, loader: object) -> None:
    """Refuse what cannot be run, and rows in place of batches."""
    if not callable(one_pass) or isinstance(one_pass, nn.Module):
        raise BadInputError(
            f"one_pass is a {type(one_pass).__name__}. Pass your loop, a function of the batches: "
            "check_up(one_pass, model, loader, loss_fn, optimizer)."
        )
    if isinstance(loader, Dataset) and not isinstance(loader, IterableDataset):
        raise BadInputError(
            f"The loader is a {type(loader).__name__}, which yields single rows. Pass the "
            "DataLoader that your loop trains on."
        )


def _pair(batch: Any) -> Any:
    """A batch, if it is one that the lines can read."""
    whole = isinstance(batch, list | tuple) and len(batch) == 2
    if whole and all(isinstance(part, Tensor) for part in batch):
        return batch
    raise BadInputError(
        f"A batch of the loader is {_of_what(batch)}; check_up reads pairs of tensors, (inputs, "
        "targets). Wrap your loader so that it yields them, and your model so that it takes them."
    )


def _of_what(batch: Any) -> str:
    """A batch that cannot be read, in words.

    >>> _of_what((1, 2, 3)), _of_what({}), _of_what(([], 2))
    ('a tuple of 3', 'a dict', 'a pair of a list and an int')
    """
    kinds = [type(batch).__name__]
    if isinstance(batch, list | tuple) and len(batch) == 2:
        kinds = [type(part).__name__ for part in batch]
    named = [f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind in kinds]
    if len(named) == 2:
        return f"a pair of {named[0]} and {named[1]}"
    return f"{named[0]} of {len(batch)}" if isinstance(batch, list | tuple) else named[0]


def _try_loss(script: Script, outputs: Any) -> None:
    """See that the loss takes what the model gives."""
    targets = script.on_device()[1]
    try:
        script.loss_fn(outputs, targets)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        given = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else _type(outputs)
        raise BadInputError(
            f"loss_fn does not take outputs of {given} and targets of shape "
            f"{tuple(targets.shape)}, {targets.dtype}: {error}. Either this is the fault, or your "
            "loop changes them first: then give check_up a function that does so too."
        ) from error


def _type(value: object) -> str:
    """``type tuple``."""
    return f"type {type(value).__name__}"


def _lines(script: Script, steps: int) -> Iterator[Line]:
    """All lines, in the order in which to mend them."""
    script.model.train()
    outputs = script.model(script.on_device()[0])
    _try_loss(script, outputs)
    costs = prices(script.loss_fn, outputs, script.on_device()[1])
    script.moment.back()
    yield measures.rows(script)
    yield measures.first_loss(script, costs)
    yield measures.loss(script, outputs, costs)
    followed = measures.follow(script)
    at_highest = replace(script, rate_at=followed.highest)
    with standing(script.schedulers):
        loop = look_at_loop(at_highest)
        batches_a_step = loop.batches_a_step if loop.steps else 1
        gradients = measures.gradients(at_highest, batches_a_step)
        yield loop.line(vanishing=not gradients.well)
        if not loop.steps:  # then nothing that follows is of use, and it would take for ever
            return
        yield neighbours(script)
        yield gradients
        yield measures.step(at_highest, loop.batches_a_step)
    yield followed.line()
    with standing(script.schedulers):
        yield measures.one_batch(at_highest, costs, steps * loop.batches_a_step)
