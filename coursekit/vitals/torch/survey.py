"""The first pass through a model, looked over: can the outputs of later ones be kept a moment?"""

from dataclasses import dataclass

import torch
from torch import Tensor

# Larger outputs cost more to copy than the operations that a copy saves; and they are the user's
# memory.
MOST_ENTRIES = 65_536


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a later pass must look like to be kept.

    Attributes:
        shape: Shape of the output.
        version: How often its memory had been written when its layer returned it.
    """

    shape: torch.Size
    version: int


class Survey:
    """The outputs of the first pass, held until its reading is taken.

    Attributes:
        fits: Whether all of it is small and on the CPU.
        expected: Layer name to what its output was like.
    """

    def __init__(self) -> None:
        self.fits = True
        self.expected: dict[str, Expected] = {}
        self._outputs: dict[str, Tensor] = {}
        self._entries = 0

    def add(self, layer: str, output: Tensor) -> None:
        """Look at an output."""
        self._entries += output.numel()
        self.fits = self.fits and bool(output.numel()) and output.is_cpu
        self.fits = self.fits and self._entries <= MOST_ENTRIES
        if self.fits:
            self.expected[layer] = Expected(shape=output.shape, version=output._version)
            self._outputs[layer] = output
        else:
            self._outputs.clear()

    def in_place(self) -> frozenset[str]:
        """The layers whose output has been overwritten since, by a layer that works in place."""
        return frozenset(
            layer
            for layer, output in self._outputs.items()
            if output._version != self.expected[layer].version
        )
