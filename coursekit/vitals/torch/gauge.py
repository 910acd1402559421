"""How large weights and gradients are, and how far a step moves them, weight by weight."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.vitals.torch.measures import norms

Present = npt.NDArray[np.bool_] | None


class Gauge:
    """Measures weights around a step; the numbers stay on the device."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self._before: list[Tensor] = []

    def gradients(self, *, scale: Tensor | None = None) -> tuple[list[Tensor], Present]:
        """Norms of the gradients, of a sparse one of its entries; and which weights have one.

        Args:
            scale: What the gradients are to be divided by, as a 0-d tensor.
        """
        grads = [parameter.grad for parameter in self._parameters]
        present = np.array([grad is not None for grad in grads], dtype=np.bool_)
        found = norms([g.coalesce().values() if g.is_sparse else g for g in grads if g is not None])
        if scale is not None:
            found = [one / scale.to(one.device) for one in found]
        return found, None if present.all() else present

    def keep(self) -> None:
        """Copy the weights as they are before a step, into memory that is used again."""
        now = self._values()
        if [weight.shape for weight in self._before] != [weight.shape for weight in now]:
            self._before = [torch.empty_like(weight) for weight in now]
        torch._foreach_copy_(self._before, now)

    def around_step(self) -> tuple[list[Tensor], list[Tensor]]:
        """Norms of the weights before the step, and of what the step changed."""
        before = norms(self._before)
        torch._foreach_sub_(self._before, self._values())
        return before, norms(self._before)

    def _values(self) -> list[Tensor]:
        return [parameter.detach() for parameter in self._parameters]
