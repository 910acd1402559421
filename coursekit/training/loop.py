"""`fit`: the plain training loop of lesson 00, for when you do not want to write your own.

`_epoch` is that loop. Each further concern is one object of a file of its own, called on one line.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from coursekit.errors import wrapped
from coursekit.records import Record
from coursekit.training.batches import Batches
from coursekit.training.checkpoint import Checkpoint, Part
from coursekit.training.choices import check_choices, placed
from coursekit.training.explained import Explained
from coursekit.training.fabric import ranks_of
from coursekit.training.finite import FiniteLoss, NotFinite, check_weights, refuse_non_finite
from coursekit.training.guard import Guard, Loss
from coursekit.training.memory import MemoryGuard
from coursekit.training.origin import origin
from coursekit.training.precision import Clipping, Precision, Wanted
from coursekit.training.progress import Progress
from coursekit.training.randomness import Randomness
from coursekit.training.ranks import Ranks
from coursekit.training.schedule import Per, Schedule
from coursekit.training.stopping import Patience
from coursekit.training.tools import Tools
from coursekit.training.validation import Validation
from coursekit.vitals.torch import Vitals, record

if TYPE_CHECKING:
    from lightning import Fabric

KEPT, BEST = "keeps its weights", "has the weights of its best epoch"


def fit(
    model: nn.Module,
    data: Iterable[Any],
    *,
    loss_fn: Loss,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    val: Iterable[Any] | None = None,
    device: str | torch.device | None = None,
    precision: Wanted = "float32",
    scheduler: LRScheduler | None = None,
    scheduler_per: Per = "epoch",
    clip_norm: float | None = None,
    accumulate: int = 1,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool | None = None,
    every: int | None = None,
    fabric: "Fabric | None" = None,
) -> Record:
    """Train a model in place, and return the record of the run.

    The weights at the end are bit for bit those of the hand-written loop: for each batch
    ``zero_grad``, forward, loss, ``backward``, ``step``. Ctrl-C stops it: the weights stay as they
    are, and the record of what was done is returned, with a note that says so. A loss that is NaN
    or infinite stops it likewise, before the weights take it (on Apple's GPUs up to 16 batches
    later), and so does an epoch that ends with such a weight, before a checkpoint holds it; the
    note says where it began.

    One process and one device, or several under Lightning Fabric, each with a copy of the weights.
    For weights that do not fit on one device, or for 8-bit numbers, use Accelerate or Fabric's
    other strategies, which keep your loop; Lightning's Trainer adds loggers, callbacks, profilers
    and a search for a learning rate.

    Args:
        model: Trained in place, in ``model.train()`` mode, and left in it: call ``model.eval()``
            before you use it.
        data: Yields pairs (inputs, labels), anew for each epoch: a ``DataLoader``, or
            ``[(x, y)]`` for all rows at once. The first pass is checked on the host.
        loss_fn: ``loss_fn(model(inputs), labels)`` gives one number, a mean over rows (or, where
            it says ``reduction="sum"``, a sum).
        optimizer: Holds the model's parameters.
        epochs: Passes over the data.
        val: Held-out pairs, likewise; after each epoch their ``val_loss`` (mean over rows) and,
            for class numbers, ``val_accuracy`` are logged.
        device: Where to train, as in `coursekit.pick_device`; the model is moved there. None
            trains where the model is. Batches on the CPU are moved as they come, to CUDA from
            pinned memory without waiting.
        precision: ``"mixed"`` picks for the device: bfloat16, float16 with scaled losses, or
            float32; a note in the record says which. Or name one.
        scheduler: Changes the learning rate; ``ReduceLROnPlateau`` is given the ``val_loss``.
        scheduler_per: Step it after each ``"epoch"``, or after each ``"batch"`` (each update,
            where several batches share one).
        clip_norm: Shorten the gradient of all weights together to this length, if it is longer.
        accumulate: Batches that share one update. Its gradient is the mean over all their rows,
            as from one batch of that size (of a cross-entropy: over the labels that it does not
            ignore, by their class weights); an incomplete last group is averaged over its own.
        patience: Stop when ``val_loss`` has not fallen for this many epochs. The weights at the
            end are then those of the epoch with the lowest.
        checkpoint: A file, written after each epoch and never half; see
            `coursekit.training.checkpoint.Checkpoint` for why not within one.
        resume: Go on from that file, if it is there. On one device, and with as many workers, the
            run ends with the same bits as one that was never stopped (but for random numbers that
            persistent workers draw, or a data set from a generator of its own).
        progress: Show a bar; None shows one in a terminal or notebook, and a line every few
            seconds where the environment variable ``CI`` is set.
        every: Which steps are read: see `coursekit.record`.
        fabric: A launched ``lightning.Fabric`` (extra ``scale``). Pass model, optimizer and loader
            as they are. Each process takes ``batch_size`` rows of its own, and the update is that
            of all of them together. The first validates, writes the checkpoint and has the
            record; that of the others is empty.

    Raises:
        BadInputError: The data yields nothing, or what cannot be trained on; a layer that cannot
            take its input; labels that are no class of the model; a loss that is not one number
            or does not depend on the weights; an optimizer that does not hold them; NaN in them
            at the start; data and model on two devices; a scheduler that does not fit the run or
            is stepped by someone else; a checkpoint that cannot be gone on from.
        CoursekitError: Memory ran out: the message gives a batch size that fits. Or a checkpoint
            cannot be written. Or another process of the Fabric is gone.

    >>> model = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> x = torch.linspace(-1, 1, 8).unsqueeze(1)
    >>> run = fit(model, [(x, 2 * x)], loss_fn=nn.MSELoss(), optimizer=optimizer, epochs=3)
    >>> run["loss"].steps.tolist()
    [0, 1, 2]
    """
    check_choices(
        optimizer,
        epochs=epochs,
        accumulate=accumulate,
        clip_norm=clip_norm,
        patience=patience,
        data=data,
        val=val,
    )
    ranks = ranks_of(fabric, loss_fn)
    place = placed(model, optimizer, loss_fn, ranks.place(device))
    data = ranks.dealt(data)
    precise = Precision(precision, place, weights=model.parameters())
    tools = Tools(
        model=model,
        ranks=ranks,
        forward=ranks.forward(model),
        loss_fn=loss_fn,
        optimizer=optimizer,
        batches=_batches(data, place, model, loss_fn, name="data", accumulate=accumulate),
        precision=precise,
        finite=FiniteLoss(place),
        clipping=Clipping(model, clip_norm),
        schedule=Schedule(
            scheduler, per=scheduler_per, optimizer=optimizer, validated=val is not None
        ),
        validation=Validation(
            model,
            loss_fn,
            batches=None if val is None else _batches(val, place, model, loss_fn, name="val"),
            precision=precise,
            ranks=ranks,
        ),
        patience=Patience(model, patience),
        progress=Progress(epochs, shown=progress if ranks.first else False),
    )
    saved = Checkpoint(checkpoint, resume=resume, parts=_parts(tools, data), writes=ranks.first)
    refuse_non_finite(model)
    tools.schedule.check_length(epochs=epochs, done=saved.done, updates=tools.batches.steps())
    with ranks.lost(), Explained(model), MemoryGuard(tools), tools.progress:
        return _run(tools, saved, epochs=epochs, every=every)


def _run(tools: Tools, saved: Checkpoint, *, epochs: int, every: int | None) -> Record:
    """All epochs that are still to come, recorded."""
    scaler, ranks = tools.precision.scaler, tools.ranks
    with record(tools.model, tools.optimizer, scaler=scaler, every=every) as vitals:
        saved.resume_record(vitals)
        tools.precision.say(vitals)
        ranks.note(vitals, tools.model)
        try:
            for _ in tools.progress.epochs(saved.done, over=tools.patience.over):
                _epoch(tools, vitals)
                check_weights(tools.model)
                scores = tools.validation.after_epoch(vitals)
                tools.schedule.after_epoch(scores)
                tools.patience.after_epoch(scores)
                saved.after_epoch(vitals)
            tools.patience.put_back_best(vitals)
            ranks.settle(tools.model)
        except KeyboardInterrupt:
            _stop(vitals, f"Stopped by hand {_when(vitals, saved, epochs)}.", ranks=ranks)
        except NotFinite as found:
            when = _when(vitals, saved, epochs)
            began = ranks.origin(origin(tools))
            best = tools.patience.put_back_best(vitals)
            sentence = f"Stopped {when}: {found}. {began}"
            _stop(vitals, sentence, ranks=ranks, weights=BEST if best else KEPT)
            tools.optimizer.zero_grad()
    return ranks.record(vitals.record)


def _epoch(tools: Tools, vitals: Vitals) -> None:
    """The loop of lesson 00, over groups of batches that share an update (by default, of one)."""
    forward, loss_fn, optimizer = tools.forward, tools.loss_fn, tools.optimizer
    batches, guard, precision, finite = tools.batches, tools.guard, tools.precision, tools.finite
    careful = batches.careful  # later passes are not looked at, on the CPU
    tools.model.train()
    for group in batches.groups():
        optimizer.zero_grad()
        for inputs, labels, share in group:
            with precision.autocast:
                outputs = forward(inputs)
                if careful:
                    batches.look(outputs)
                loss = loss_fn(outputs, labels)
            if careful:
                guard.loss(loss)
            loss = tools.ranks.over_all(loss, labels)
            finite.look(loss)
            precision.backward(loss if share == 1.0 else loss * share)
            finite.wait()
        if careful:
            guard.gradients()
        tools.clipping.clip(precision, optimizer)
        precision.step(optimizer)
        updates = vitals.step
        tools.schedule.after_update(updates)
        tools.progress.after_update(updates, finite.last)


def _batches(
    data: Iterable[Any],
    device: torch.device,
    model: nn.Module,
    loss_fn: Loss,
    *,
    name: str,
    accumulate: int = 1,
) -> Batches:
    """Batches with a guard of their own."""
    guard = Guard(model, loss_fn, name=name)
    return Batches(data, device, guard=guard, name=name, accumulate=accumulate)


def _parts(tools: Tools, data: Iterable[Any]) -> dict[str, Part]:
    """What a checkpoint holds, in the order of loading; random numbers come last."""
    loss = {"loss": tools.loss_fn} if isinstance(tools.loss_fn, nn.Module) else {}
    return {
        "model": tools.model,
        **loss,
        "optimizer": tools.optimizer,
        "scheduler": tools.schedule,
        "precision": tools.precision,
        "patience": tools.patience,
        "random numbers": Randomness(data),
    }


def _when(vitals: Vitals, saved: Checkpoint, epochs: int) -> str:
    """How far the run came."""
    steps = "1 step" if vitals.step == 1 else f"{vitals.step} steps"
    return f"after {steps}, in epoch {saved.done + 1} of {epochs}"


def _stop(vitals: Vitals, sentence: str, *, ranks: Ranks, weights: str = KEPT) -> None:
    """Say why the run ends here, and write it into the record."""
    vitals.note(sentence)
    if ranks.first:
        print(wrapped(f"{sentence} The model {weights}, and the record holds what was done."))
