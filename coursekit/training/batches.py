"""What `fit` is fed: pairs of batches, looked at on the host, then sent to the device."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from coursekit.errors import BadInputError
from coursekit.training.guard import Guard
from coursekit.training.randomness import Dice

Pair = tuple[Any, Any]


class Batches:
    """The batches of a data set, in groups that share one update.

    Args:
        data: Yields pairs (inputs, labels) of tensors or arrays, each time that it is iterated.
        device: Where batches go; only those on the CPU are moved.
        guard: Looks at each batch on the host.
        name: What the caller called the data, for the errors.
        accumulate: Batches in a group; the last group of a pass may have fewer.

    Attributes:
        device: As given.
        guard: As given.
        accumulate: As given.
        current: The pair that was sent last, as it was on the host; None before the first.
        dice: The state of torch's random numbers when it was sent.
    """

    def __init__(
        self,
        data: Iterable[Any],
        device: torch.device,
        *,
        guard: Guard,
        name: str,
        accumulate: int = 1,
    ) -> None:
        self.device, self.guard, self.accumulate = device, guard, accumulate
        self.current: Pair | None = None
        self.dice = Dice(device)
        self._data, self._name = data, name
        self._at_home = device.type == "cpu"

    def groups(self) -> Iterator[Iterable[tuple[Any, Any, float]]]:
        """One pass: groups of (inputs, labels, share), the shares of a group adding up to 1.

        A share is the batch's part of what the loss of the group is a mean over, its rows as a
        rule: losses times their shares add up to that mean, however unequal the batches.
        """
        if self.accumulate == 1:
            for pair in self._on_host():
                inputs, labels = self._sent(pair)
                yield ((inputs, labels, 1.0),)
        else:
            for held in _in_groups(self._on_host(), self.accumulate):
                yield self._shared(held)
        self.guard.passed()

    def __iter__(self) -> Iterator[Pair]:
        """One pass: each pair on the device."""
        for pair in self._on_host():
            yield self._sent(pair)
        self.guard.passed()

    def look(self, outputs: Any) -> None:
        """After a forward pass: at the labels of the batch, now that there are outputs.

        Raises:
            BadInputError: See `Guard.outputs`.
        """
        self.guard.outputs(outputs)
        self.dice.look()

    @property
    def careful(self) -> bool:
        """Whether batches are looked at: in the first pass, and always before they are sent."""
        return self.guard.first_pass or not self._at_home

    def steps(self) -> int | None:
        """Updates in a pass; None where the data does not say how long it is."""
        try:
            return -(-len(self._data) // self.accumulate)  # type: ignore[arg-type]
        except TypeError:
            return None

    def sent(self, inputs: Any, labels: Any) -> Pair:
        """A pair on the device."""
        return moved(inputs, self.device), moved(labels, self.device)

    def _sent(self, pair: Pair) -> Pair:
        """A pair when it is its turn: looked at, remembered, on the device."""
        self.current = pair
        if self.guard.first_pass or not self._at_home:
            self.guard.batch(pair[0], pair[1], self.device)
        if self.dice.awake:
            self.dice.note()
        return pair if self._at_home else self.sent(pair[0], pair[1])

    def _shared(self, held: list[Pair]) -> Iterator[tuple[Any, Any, float]]:
        """The pairs of a group, each with its share; of a sum each counts in full.

        Left out is a batch of which no label counts: the mean over none is NaN.
        """
        terms = self.guard.terms
        counts = [float(terms.of(labels)) for _, labels in held]
        total = 1.0 if terms.summed else sum(counts)
        for pair, count in zip(held, counts, strict=True):
            if count or not total:
                yield *self._sent(pair), count / total if total else 1.0

    def _on_host(self) -> Iterator[Pair]:
        """One pass over the data: pairs of tensors, not yet moved."""
        number = -1
        for number, batch in enumerate(_iterated(self._data, self._name)):
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise BadInputError(
                    f"Batch {number} of {self._name} is a {_described(batch)}, not a pair (inputs, "
                    "labels). Pass a DataLoader over pairs; for two arrays, all rows at once: "
                    f"{self._name}=[(x, y)]."
                )
            inputs, labels = batch
            if not (isinstance(inputs, Tensor) and isinstance(labels, Tensor)):
                inputs = self._tensor(inputs, f"inputs in batch {number} of {self._name}")
                labels = self._tensor(labels, f"labels in batch {number} of {self._name}")
            if not (inputs.is_cpu and labels.is_cpu):
                self._check_place(number, inputs, labels)
            yield inputs, labels
        if number < 0:
            raise BadInputError(
                f"{self._name} yields no batch. An empty data set, drop_last=True with fewer rows "
                "than one batch, or an iterator that is used up (pass a DataLoader or a list) does "
                "this."
            )

    def _tensor(self, values: Any, where: str) -> Tensor:
        """An array as a tensor."""
        try:
            return values if isinstance(values, Tensor) else torch.as_tensor(values, device="cpu")
        except (TypeError, ValueError, RuntimeError) as error:
            kind = getattr(values, "dtype", type(values).__name__)
            advice = (
                "fit takes one tensor: wrap a model that takes several in one that splits it, or "
                "write the loop yourself, with record around it."
                if _holds_tensors(values)
                else "Encode text as numbers first, and drop or fill what is missing."
            )
            raise BadInputError(f"The {where} are of type {kind}, not numbers. {advice}") from error

    def _check_place(self, number: int, inputs: Tensor, labels: Tensor) -> None:
        """Refuse what is on a device other than the CPU and the model's."""
        for part, tensor in (("inputs", inputs), ("labels", labels)):
            if not tensor.is_cpu and tensor.device != self.device:
                raise BadInputError(
                    f"The {part} in batch {number} of {self._name} are on {tensor.device}, the "
                    f"model is on {self.device}. Leave the data on the CPU (fit moves each batch), "
                    "or move the model before building its optimizer."
                )


def _holds_tensors(values: Any) -> bool:
    """Whether it is a dict, tuple or list with a tensor in it."""
    parts = values.values() if isinstance(values, dict) else values
    return isinstance(values, dict | tuple | list) and any(isinstance(one, Tensor) for one in parts)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on the device; to CUDA without waiting, from pinned memory.

    A copy from ordinary memory makes the processor wait for all that is queued on the GPU. Give
    the ``DataLoader`` ``pin_memory=True``, and it pins in a thread of its own.

    >>> moved(torch.ones(2), torch.device("cpu"))
    tensor([1., 1.])
    """
    if tensor.is_cpu == (device.type == "cpu"):
        return tensor
    if device.type != "cuda":
        return tensor.to(device)  # Apple's copies without waiting may read memory too late
    pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
    return pinned.to(device, non_blocking=True)


def _in_groups(pairs: Iterable[Pair], number: int) -> Iterator[list[Pair]]:
    """Lists of so many pairs; the last may have fewer."""
    held: list[Pair] = []
    for pair in pairs:
        held.append(pair)
        if len(held) == number:
            yield held
            held = []
    if held:
        yield held


def _iterated(data: Iterable[Any], name: str) -> Iterator[Any]:
    """The batches, if the data can be iterated."""
    if isinstance(data, Tensor | np.ndarray | str | Dataset) or not hasattr(data, "__iter__"):
        raise BadInputError(
            f"{name} is a {_described(data)}, which does not yield batches. Pass a DataLoader, or "
            f"for two arrays, all rows at once: {name}=[(x, y)]."
        )
    return iter(data)


def _described(value: Any) -> str:
    """A value that was not expected, in words."""
    shape = getattr(value, "shape", None)
    of = f" of shape {tuple(shape)}" if shape is not None else ""
    length = f" of {len(value)}" if shape is None and hasattr(value, "__len__") else ""
    return f"{type(value).__name__}{of}{length}"
