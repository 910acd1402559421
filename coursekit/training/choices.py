"""The options of `fit`, checked against each other before anything is done."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from coursekit.device import pick_device
from coursekit.errors import BadInputError, CoursekitError
from coursekit.training.memory import out_of_memory, ran_out
from coursekit.vitals.torch.weights import check_pair


def check_choices(
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    accumulate: int,
    clip_norm: float | None,
    patience: int | None,
    data: object,
    val: object,
) -> None:
    """Refuse options that cannot be, or that contradict each other.

    Raises:
        BadInputError: A number is out of range, early stopping has no validation to watch, data for
            several epochs lasts one, or the optimizer needs another loop.
    """
    for name, number in (("epochs", epochs), ("accumulate", accumulate), ("patience", patience)):
        if number is not None and not _counts(number):
            raise BadInputError(f"{name} is {number!r}; pass a whole number from 1.")
    if clip_norm is not None and not (_is_real(clip_norm) and 0 < clip_norm < math.inf):
        raise BadInputError(
            f"clip_norm is {clip_norm!r}; pass the longest gradient that is allowed, such as 1.0."
        )
    for name, batches in (("data", data), ("val", val)):
        if epochs > 1 and isinstance(batches, Iterator):
            raise BadInputError(
                f"{name} is a {type(batches).__name__}, which is used up after one epoch of "
                f"{epochs}. Pass a DataLoader or a list."
            )
    if patience is not None and val is None:
        raise BadInputError(
            "patience waits for a lower validation loss, and there is none. Pass val=…"
        )
    if isinstance(optimizer, torch.optim.LBFGS):
        raise BadInputError(
            "LBFGS evaluates the loss several times a step, through a closure, and fit does not. "
            "Write the loop by hand; record watches it as well."
        )


def placed(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_fn: Any,
    device: str | torch.device | None,
) -> torch.device:
    """The device to train on, the model and the loss's own weights moved there.

    Raises:
        BadInputError: The optimizer has made steps on another device.
        CoursekitError: The device has no memory for them.
    """
    check_pair(model, optimizer)
    here = next(model.parameters()).device
    place = here if device is None else pick_device(str(device))
    if optimizer.state and _numbered(place) != _numbered(here):
        raise BadInputError(
            f"The optimizer has made steps on {here} already, so the model cannot move to {place}. "
            "Call model.to(device) first, and build the optimizer after it."
        )
    try:
        for part in (model, loss_fn):
            if isinstance(part, nn.Module):
                part.to(place)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise CoursekitError(
            f"{ran_out(place)} before the first batch: the model does not fit."
        ) from error
    check_pair(model, optimizer)  # moving may have made new weights
    return next(model.parameters()).device


def _numbered(device: torch.device) -> torch.device:
    """With its number: where none is given, that of torch's current CUDA device is meant.

    >>> _numbered(torch.device("cpu"))
    device(type='cpu', index=0)
    """
    if ":" in str(device):
        return device
    return torch.device(device.type, torch.cuda.current_device() if device.type == "cuda" else 0)


def _counts(number: Any) -> bool:
    """Whether it is a whole number from 1."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _is_real(number: Any) -> bool:
    """Whether it is a real number."""
    return isinstance(number, int | float) and not isinstance(number, bool)
