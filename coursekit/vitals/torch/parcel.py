"""Small tensors that cross from the device to the host together, in one transfer."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from coursekit.vitals.readings import Floats


class Parcel:
    """Named numbers and vectors on one device, unpacked on the host.

    >>> parcel = Parcel()
    >>> parcel.numbers("loss", [torch.tensor(2.0)])
    >>> parcel.vector("peaks", torch.tensor([0.0, 1.0]))
    >>> {name: values.tolist() for name, values in parcel.unpack().items()}
    {'loss': [2.0], 'peaks': [0.0, 1.0]}
    """

    def __init__(self) -> None:
        self._parts: list[Tensor] = []
        self._sizes: dict[str, int] = {}

    def numbers(self, name: str, scalars: Sequence[Tensor]) -> None:
        """Add 0-d tensors under one name."""
        self._sizes[name] = len(scalars)
        if scalars:
            self._parts.append(torch.stack(list(scalars)))

    def vector(self, name: str, values: Tensor) -> None:
        """Add a tensor of shape (n,)."""
        self._parts.append(values)
        self._sizes[name] = len(values)

    def unpack(self) -> dict[str, Floats]:
        """Send all of it; name to array of shape (n,)."""
        host = torch.cat(self._parts).cpu().numpy().astype(np.float64)
        ends = np.cumsum([*self._sizes.values()])
        return dict(zip(self._sizes, np.split(host, ends[:-1]), strict=True))
