"""The processes that train one model together: by default one, with nothing to agree on."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.records import Record
from coursekit.vitals.torch import Vitals


class Ranks:
    """One process: each of these does nothing. `coursekit.training.fabric` has those of several.

    Attributes:
        first: Whether this is the process that records, validates, saves and speaks.
    """

    first = True

    def place(self, device: str | torch.device | None) -> str | torch.device | None:
        """Where to train, if `fit` was told `device`."""
        return device

    def forward(self, model: nn.Module) -> nn.Module:
        """What to call in the loop, so that ``backward`` averages over all processes."""
        return model

    def dealt(self, data: Iterable[Any]) -> Iterable[Any]:
        """The part of the data that this process trains on."""
        return data

    def over_all(self, loss: Tensor, labels: Any) -> Tensor:
        """The loss over the batches of all processes; its gradient is this process's part of it.

        Args:
            loss: Of this process's batch, one number.
            labels: Of the batch, shape (rows, …).
        """
        del labels
        return loss

    def scores(self, scored: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What the first process scored."""
        return scored()

    def origin(self, sentence: str) -> str:
        """Where a loss that is not finite began: what the process says that met it."""
        return sentence

    def note(self, vitals: Vitals, model: nn.Module) -> None:
        """Write into the record what was measured where."""

    def settle(self, model: nn.Module) -> None:
        """At the end: running statistics as in the first process."""

    def record(self, record: Record) -> Record:
        """What `fit` returns in this process."""
        return record

    def lost(self) -> AbstractContextManager[object]:
        """Inside, another process that ends is an error of this one too."""
        return nullcontext()
