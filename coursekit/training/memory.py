"""Memory that ran out: which batch size would have fitted, and how to get the same gradient."""

import gc
import math
from types import TracebackType

import torch

from coursekit.errors import CoursekitError
from coursekit.training.batches import Pair
from coursekit.training.rehearsal import rehearsal
from coursekit.training.terms import rows
from coursekit.training.tools import Tools

SAID_BY_TORCH = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "MPS backend out of memory",
)


class MemoryGuard:
    """Turns "out of memory" into a sentence, after trying halves of the batch.

    A trial is one forward and backward pass, no step; buffers, gradients and random numbers are
    put back. A system that ends a process when its memory is full (as Linux often does) leaves
    nobody to say this.

    Args:
        tools: Of the run.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._model, self._batches = tools.model, tools.batches
        self._device = tools.batches.device

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Raise a `CoursekitError` in place of torch's error, if memory ran out."""
        if error is None or not out_of_memory(error):
            return
        del frames
        _let_go(error)
        gc.collect()  # what of it refers to itself in a circle
        raise CoursekitError(self._sentence()) from error

    def _sentence(self) -> str:
        """What did not fit, what fits, and what to change."""
        pair, held_out = self._batches.current, self._tools.validation.batches
        if held_out is not None and not self._model.training:
            return _in_validation(held_out.current)
        if pair is None:
            return f"{ran_out(self._device)} before the first batch: the model does not fit."
        size = rows(pair[0])
        fitted = self._fitting(pair, size)
        if fitted == size:
            return (
                f"{ran_out(self._device)}, but a batch of {size} rows fits when it is tried "
                "again, without an update. Other programs may use the memory, or the optimizer's "
                "own numbers do not fit: Adam keeps two per weight, SGD none."
            )
        if fitted == 0:
            return (
                f"{ran_out(self._device)} in a batch of {size} rows, and not one row fits beside "
                "the model. Take a smaller model, smaller inputs, or a device with more memory."
            )
        return f"{ran_out(self._device)} in a batch of {size} rows. {self._advice(size, fitted)}"

    def _fitting(self, pair: Pair, size: int) -> int:
        """The largest of the batch and its halves that fits; 0 if none does."""
        sizes = [size >> halvings for halvings in range(size.bit_length())]
        return next((number for number in sizes if self._fits(pair, number)), 0)

    def _fits(self, pair: Pair, number: int) -> bool:
        """Whether the first rows of the batch go forward and backward."""
        try:
            with rehearsal(self._model, self._device):
                inputs, labels = self._batches.sent(pair[0][:number], pair[1][:number])
                with self._tools.precision.autocast:
                    loss = self._tools.loss_fn(self._model(inputs), labels)
                self._tools.precision.backward(loss)
        except (RuntimeError, ValueError, MemoryError) as error:
            # Not only memory: batch normalisation refuses one row, and one row would not do then.
            _let_go(error)
            return False
        return True

    def _advice(self, size: int, fitted: int) -> str:
        """A batch size and an ``accumulate`` that give the same gradient."""
        smaller, times = alike(size, fitted)
        together = times * self._batches.accumulate
        same = "the same gradient" if smaller * times == size else "nearly the same gradient"
        normed = any("BatchNorm" in type(module).__name__ for module in self._model.modules())
        but = " (but batch normalisation then sees the smaller batches)" if normed else ""
        return (
            f"A batch of {fitted} fitted: batch_size={smaller} in the DataLoader and "
            f"accumulate={together} in fit give {same}{but}."
        )


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, of a GPU or of the machine.

    >>> out_of_memory(MemoryError()), out_of_memory(RuntimeError("shapes do not match"))
    (True, False)
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in SAID_BY_TORCH)


def alike(size: int, fitted: int) -> tuple[int, int]:
    """A batch size that fits, and how many of them make up the batch that did not.

    A divisor of it, if there is one not smaller than half of what fits; then the mean over the
    small batches is the mean over the large one.

    >>> alike(96, 24), alike(100, 12), alike(97, 24)
    ((24, 4), (10, 10), (24, 5))
    """
    for smaller in range(fitted, max(1, fitted // 2) - 1, -1):
        if size % smaller == 0:
            return smaller, size // smaller
    return fitted, math.ceil(size / fitted)


def ran_out(device: torch.device) -> str:
    """The beginning of every such sentence."""
    return (
        "The memory of the machine ran out"
        if device.type == "cpu"
        else f"{device} ran out of memory"
    )


def _in_validation(pair: Pair | None) -> str:
    """What to do where held-out rows did not fit: no gradients, so their batches are free."""
    size = f" of {rows(pair[0])} rows" if pair is not None else ""
    return (
        f"Memory ran out in a batch{size} of val. Give val smaller batches: val_loss is a mean "
        "over all rows, and stays the same."
    )


def _let_go(error: BaseException) -> None:
    """Drop what the failed pass still holds: its frames, which the traceback keeps alive."""
    error.__traceback__ = None
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
