"""Small tensors that cross from the device to the host together, in one transfer."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class Parcel:
    """Named numbers and vectors on one device, unpacked on the host.

    >>> parcel = Parcel()
    >>> parcel.numbers("loss", [torch.tensor(2.0)])
    >>> parcel.vector("peaks", torch.tensor([0.0, 1.0]))
    >>> {name: values.tolist() for name, values in parcel.unpack().items()}
    {'loss': [2.0], 'peaks': [0.0, 1.0]}
    """

    def __init__(self) -> None:
        self._scalars: list[Tensor] = []
        self._vectors: list[Tensor] = []
        self._sizes: dict[str, int] = {}
        self._vector_sizes: dict[str, int] = {}

    def numbers(self, name: str, scalars: Sequence[Tensor]) -> None:
        """Add 0-d tensors under one name."""
        self._scalars.extend(scalars)
        self._sizes[name] = len(scalars)

    def vector(self, name: str, values: Tensor) -> None:
        """Add a tensor of shape (n,)."""
        self._vectors.append(values)
        self._vector_sizes[name] = len(values)

    def unpack(self) -> dict[str, npt.NDArray[np.float64]]:
        """Send all of it; name to array of shape (n,)."""
        parts = [torch.stack(self._scalars)] if self._scalars else []
        host = torch.cat([*parts, *self._vectors]).cpu().numpy().astype(np.float64)
        unpacked, start = {}, 0
        for name, size in (*self._sizes.items(), *self._vector_sizes.items()):
            unpacked[name] = host[start : start + size]
            start += size
        return unpacked
