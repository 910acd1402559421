"""What `fit` is fed: pairs of batches, looked at on the host before they meet the model."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from coursekit.errors import BadInputError


def pairs(data: Iterable[Any], device: torch.device, *, name: str) -> Iterator[tuple[Any, Any]]:
    """One pass over the data: inputs and labels as tensors on the device.

    Args:
        data: Yields pairs (inputs, labels) of tensors or arrays, each time that it is iterated.
        device: Where batches go; only those on the CPU are moved.
        name: What the caller called the data, for the error.

    Raises:
        BadInputError: A batch is not a pair, holds no numbers, or is on another device; or
            there is no batch.

    >>> [(x, y)] = pairs([([[1.0, 2.0]], [0])], torch.device("cpu"), name="data")
    >>> x, y
    (tensor([[1., 2.]]), tensor([0]))
    """
    empty = True
    for number, batch in enumerate(_iterated(data, name)):
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise BadInputError(
                f"Batch {number} of {name} is a {_described(batch)}, not a pair (inputs, labels). "
                f"Pass a DataLoader over pairs; for two arrays, all rows at once: {name}=[(x, y)]."
            )
        empty = False
        where = f"batch {number} of {name}"
        yield _moved(batch[0], device, f"inputs in {where}"), _moved(batch[1], device, where)
    if empty:
        raise BadInputError(
            f"{name} yields no batch. An empty data set, drop_last=True with fewer rows than one "
            "batch, or an iterator that is used up (pass a DataLoader or a list) does this."
        )


def check_numbers(inputs: Any, labels: Any, *, model: nn.Module, name: str) -> None:
    """Refuse a batch that would train a model into nonsense.

    Raises:
        BadInputError: There is a NaN or infinity in it, the numbers of rows differ, or the
            inputs have another precision than the weights.

    >>> check_numbers(torch.ones(2, 3), torch.zeros(2), model=nn.Linear(3, 1), name="data")
    """
    for part, values in (("inputs", inputs), ("labels", labels)):
        if values.is_floating_point() and not torch.isfinite(values).all():
            raise BadInputError(f"{name}: {_where_not_finite(part, values)}")
    if inputs.dim() and labels.dim() and len(inputs) != len(labels):
        raise BadInputError(
            f"{name}: a batch has {len(inputs)} rows of inputs and {len(labels)} labels. "
            "Each row needs one label."
        )
    weight = next((p for p in model.parameters() if p.is_floating_point()), inputs)
    if inputs.is_floating_point() and inputs.dtype != weight.dtype:
        raise BadInputError(
            f"{name}: the inputs are {_dtype(inputs)}, the weights of the model {_dtype(weight)}. "
            f"Convert the data once: torch.as_tensor(x, dtype=torch.{_dtype(weight)})."
        )


def check_labels(loss_fn: Any, outputs: Any, labels: Tensor) -> None:
    """Refuse labels that cross-entropy cannot use; on a GPU they would kill the process.

    Only ``nn.CrossEntropyLoss`` with logits of shape (rows, classes, …) is looked at.

    Raises:
        BadInputError: The labels are of the wrong type or shape, or no class of the model.

    >>> check_labels(nn.CrossEntropyLoss(), torch.zeros(2, 3), torch.tensor([0, 2]))
    """
    if not isinstance(loss_fn, nn.CrossEntropyLoss) or not isinstance(outputs, Tensor):
        return
    if labels.shape == outputs.shape and labels.is_floating_point():
        return  # class probabilities
    classes = outputs.shape[1] if outputs.dim() > 1 else len(outputs)
    if labels.dtype is not torch.int64:
        raise BadInputError(
            f"CrossEntropyLoss got labels of type {_dtype(labels)}, shape {tuple(labels.shape)}. "
            "It wants class numbers of type int64, shape (rows,): use labels.long()."
        )
    if outputs.dim() == 2 and labels.dim() != 1:
        raise BadInputError(
            f"CrossEntropyLoss got labels of shape {tuple(labels.shape)} for outputs of shape "
            f"{tuple(outputs.shape)}. Class numbers have the shape (rows,): use labels.squeeze(1), "
            "or labels.argmax(dim=1) for one-hot rows."
        )
    real = labels[labels != loss_fn.ignore_index]
    if real.numel() and (real.min() < 0 or real.max() >= classes):
        raise BadInputError(
            f"The labels run from {int(real.min())} to {int(real.max())}, but the model has "
            f"{classes} outputs, so labels 0 to {classes - 1}. Renumber the labels, or give the "
            "last layer as many outputs as there are classes."
        )


def check_loss(loss: Any) -> None:
    """Refuse a loss that is not one number: ``backward`` needs one.

    Raises:
        BadInputError: It is no tensor, or has several entries.

    >>> check_loss(torch.tensor(0.5))
    """
    if not isinstance(loss, Tensor):
        raise BadInputError(
            f"The loss is a {type(loss).__name__}. loss_fn must return a tensor that was computed "
            "from the outputs: no .item(), no numpy in it."
        )
    if loss.numel() != 1:
        raise BadInputError(
            f"The loss has shape {tuple(loss.shape)}, and must be one number. Average it: "
            "reduction='mean' in the loss function, or loss.mean()."
        )


def _iterated(data: Iterable[Any], name: str) -> Iterator[Any]:
    """The batches, if the data can be iterated."""
    if isinstance(data, Tensor | np.ndarray | str | Dataset) or not hasattr(data, "__iter__"):
        raise BadInputError(
            f"{name} is a {_described(data)}, which does not yield batches. Pass a DataLoader, or "
            f"for two arrays, all rows at once: {name}=[(x, y)]."
        )
    return iter(data)


def _moved(values: Any, device: torch.device, where: str) -> Any:
    """An array or tensor as a tensor on the device; without waiting, where memory is pinned."""
    try:
        tensor = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = getattr(values, "dtype", type(values).__name__)
        raise BadInputError(
            f"The {where} are of type {kind}, not numbers. Encode text as numbers first, and drop "
            "or fill what is missing."
        ) from error
    if tensor.device == device:
        return tensor
    if tensor.device.type != "cpu":
        raise BadInputError(
            f"The {where} are on {tensor.device}, the model is on {device}. Leave the data on the "
            "CPU (fit moves each batch), or move the model before building its optimizer."
        )
    return tensor.to(device, non_blocking=True)


def _where_not_finite(part: str, values: Tensor) -> str:
    """How many entries are NaN or infinite, and where the first is, in a sentence."""
    places = (~torch.isfinite(values)).nonzero()
    first = tuple(places[0].tolist()) if places.shape[1] else ()
    word = "NaN" if torch.isnan(values[first]) else "infinite"
    return (
        f"the {part} hold {len(places)} value(s) that are NaN or infinite; the first, at index "
        f"{first} of a batch, is {word}. One is enough to make every weight NaN: drop or fill "
        "such rows first."
    )


def _described(value: Any) -> str:
    """A value that was not expected, in words."""
    shape = getattr(value, "shape", None)
    of = f" of shape {tuple(shape)}" if shape is not None else ""
    length = f" of {len(value)}" if shape is None and hasattr(value, "__len__") else ""
    return f"{type(value).__name__}{of}{length}"


def _dtype(tensor: Tensor) -> str:
    """The type of the entries, without ``torch.``."""
    return str(tensor.dtype).removeprefix("torch.")
