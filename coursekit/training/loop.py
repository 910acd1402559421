"""`fit`: the plain training loop of lesson 00, for when you do not want to write your own."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from tqdm.auto import tqdm

from coursekit.device import pick_device
from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.training.batches import check_labels, check_loss, check_numbers, pairs
from coursekit.vitals.torch import Vitals, record
from coursekit.vitals.weights import check_pair

Loss = Callable[[Any, Any], Tensor]


def fit(
    model: nn.Module,
    data: Iterable[Any],
    *,
    loss_fn: Loss,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    val: Iterable[Any] | None = None,
    device: str | torch.device | None = None,
    scheduler: LRScheduler | None = None,
    progress: bool | None = None,
    every: int | None = None,
) -> Record:
    """Train a model in place, and return the record of the run.

    The weights at the end are bit for bit those of the hand-written loop: for each batch
    ``zero_grad``, forward, loss, ``backward``, ``step``. Ctrl-C stops it: the weights stay as they
    are, and the record of what was done is returned, with a note that says so. For mixed
    precision over many devices use Lightning Fabric or Accelerate.

    Args:
        model: Trained in place, in ``model.train()`` mode.
        data: Yields pairs (inputs, labels), anew for each epoch: a ``DataLoader``, or
            ``[(x, y)]`` for all rows at once. The first pass is checked on the host.
        loss_fn: ``loss_fn(model(inputs), labels)`` gives one number.
        optimizer: Holds the model's parameters.
        epochs: Passes over the data.
        val: Held-out pairs, likewise; after each epoch their ``val_loss`` (mean over rows) and,
            for class numbers, ``val_accuracy`` are logged.
        device: Where to train, as in `coursekit.pick_device`; the model is moved there. None
            trains where the model is. Batches on the CPU are moved as they come.
        scheduler: Stepped after each epoch; ``ReduceLROnPlateau`` is given the ``val_loss``.
        progress: Show a bar; None shows one in a terminal or notebook only.
        every: Which steps are read: see `coursekit.record`.

    Raises:
        BadInputError: The data yields nothing, or what cannot be trained on; labels that are
            no class of the model; a loss that is not one number; an optimizer that does not
            hold the model's weights; data and model on two devices.

    >>> model = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> x = torch.linspace(-1, 1, 8).unsqueeze(1)
    >>> run = fit(model, [(x, 2 * x)], loss_fn=nn.MSELoss(), optimizer=optimizer, epochs=3)
    >>> run["loss"].steps.tolist()
    [0, 1, 2]
    """
    check_pair(model, optimizer)
    _check_choices(optimizer, epochs=epochs, scheduler=scheduler, val=val)
    place = _place(model, optimizer, device)
    epoch = 0
    with record(model, optimizer, every=every) as vitals:
        try:
            for epoch in _epochs(epochs, progress):
                _train(model, data, loss_fn, optimizer, place, check=epoch == 0)
                scores = _validate(model, val, loss_fn, place) if val is not None else {}
                for name, score in scores.items():
                    vitals.log(name, score)
                _step_scheduler(scheduler, scores)
        except KeyboardInterrupt:
            return _interrupted(vitals, epoch, epochs)
    return vitals.record


def _train(
    model: nn.Module,
    data: Iterable[Any],
    loss_fn: Loss,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    *,
    check: bool,
) -> None:
    """One epoch: the loop of lesson 00, and checks of what it gets while `check` is on."""
    model.train()
    for inputs, labels in pairs(data, device, name="data"):
        if check:
            check_numbers(inputs, labels, model=model, name="data")
        optimizer.zero_grad()
        outputs = model(inputs)
        if check:
            check_labels(loss_fn, outputs, labels)
        loss = loss_fn(outputs, labels)
        check_loss(loss)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@torch.no_grad()
def _validate(
    model: nn.Module, val: Iterable[Any], loss_fn: Loss, device: torch.device
) -> dict[str, float]:
    """Loss and accuracy on held-out rows, the model in evaluation mode."""
    model.eval()
    total, right, rows, classes = 0.0, 0.0, 0, True
    for inputs, labels in pairs(val, device, name="val"):
        outputs = model(inputs)
        rows += len(inputs)
        total += float(loss_fn(outputs, labels)) * len(inputs)
        classes = classes and outputs.dim() == 2 and labels.dtype is torch.int64
        if classes and labels.dim() == 1:
            right += float((outputs.argmax(dim=1) == labels).sum())
    accuracy = {"val_accuracy": right / rows} if classes else {}
    return {"val_loss": total / rows, **accuracy}


def _step_scheduler(scheduler: LRScheduler | None, scores: dict[str, float]) -> None:
    """Let the scheduler change the learning rate, after an epoch."""
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(scores["val_loss"])
    elif scheduler is not None:
        scheduler.step()


def _place(
    model: nn.Module, optimizer: torch.optim.Optimizer, device: str | torch.device | None
) -> torch.device:
    """The device to train on, the model moved there."""
    here = next(model.parameters()).device
    if device is None:
        return here
    place = pick_device(str(device))
    if optimizer.state and place.type != here.type:
        raise BadInputError(
            f"The optimizer has made steps on {here} already, so the model cannot move to {place}. "
            "Call model.to(device) first, and build the optimizer after it."
        )
    model.to(place)
    check_pair(model, optimizer)  # moving may have made new weights
    return next(model.parameters()).device


def _check_choices(
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    scheduler: LRScheduler | None,
    val: Iterable[Any] | None,
) -> None:
    """Refuse settings that contradict each other."""
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise BadInputError(f"epochs is {epochs!r}; pass a whole number from 1.")
    if scheduler is not None and scheduler.optimizer is not optimizer:
        raise BadInputError(
            "The scheduler belongs to another optimizer, so it would change nothing here. "
            "Build it from the one that you pass."
        )
    if isinstance(scheduler, ReduceLROnPlateau) and val is None:
        raise BadInputError(
            "ReduceLROnPlateau watches the validation loss, and there is none. Pass val=…"
        )


def _interrupted(vitals: Vitals, epoch: int, epochs: int) -> Record:
    """The record of what was done, which says that it was stopped."""
    sentence = f"Stopped by hand after {vitals.step} steps, in epoch {epoch + 1} of {epochs}."
    print(f"{sentence} The model keeps its weights, and the record holds what was done.")
    run = vitals.record
    return replace(run, notes=(*run.notes, sentence))


def _epochs(epochs: int, progress: bool | None) -> Iterator[int]:
    """Count the epochs, behind a bar if one is wanted."""
    shown = _someone_looks() if progress is None else progress
    return iter(tqdm(range(epochs), desc="epochs", disable=not shown))


def _someone_looks() -> bool:
    """Whether this is a terminal or a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel") or sys.stderr.isatty()
