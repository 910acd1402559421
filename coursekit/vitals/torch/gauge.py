"""How large weights and gradients are, and how far a step moves them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.vitals.readings import Floats
from coursekit.vitals.torch.measures import norms
from coursekit.vitals.torch.weights import Weights

ONE_THREAD = 8192  # above this OpenBLAS puts threads of its own on a dot product, against torch's

# Between these a sum of squares in single precision has lost nothing to underflow or overflow.
FAINT, STRONG = 1e-30, 1e30

Present = npt.NDArray[np.bool_] | None


class Gauge:
    """Measures any weights, one by one; the numbers stay on the device."""

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
        found = norms(self.entries())
        if scale is not None:
            found = [one / scale.to(one.device) for one in found]
        return found, None if present.all() else present

    def entries(self) -> list[Tensor]:
        """The gradients that there are; of a sparse one the entries that are stored."""
        grads = [parameter.grad for parameter in self._parameters]
        return [g.coalesce().values() if g.is_sparse else g for g in grads if g is not None]

    def moved(self) -> list[Tensor]:
        """What the step changed, after `around_step`."""
        return self._before

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


class FlatGauge:
    """Measures small weights on the CPU, layer by layer: all end to end in arrays that stay warm.

    Attributes:
        targets: Where gradients and weights are to be copied before a step, to be measured.
        gradient: Squared norm of the gradient of each layer before the step.
        weight: Squared norm of the weights of each layer before the step.
        moved: Squared norm of what the step changed in each layer.
    """

    def __init__(self, weights: Weights) -> None:
        self.gradient: list[float] = []
        self.weight: list[float] = []
        self.moved: list[float] = []
        self._parameters = weights.parameters
        sizes = [parameter.numel() for parameter in self._parameters]
        slopes, kept = torch.empty(2, sum(sizes), dtype=self._parameters[0].dtype, device="cpu")
        self._kept = self._shaped(kept.split(sizes))
        self.targets = [*self._shaped(slopes.split(sizes)), *self._kept]
        layers = weights.entries_of_layers()
        self._slopes_of = [_with_square(part) for part in slopes.split(layers)]
        self._kept_of = [_with_square(part) for part in kept.split(layers)]

    def before_step(self) -> None:
        """Measure gradients and weights that were copied to the targets."""
        with np.errstate(all="ignore"):
            self.gradient = [square(part, part) for part, square in self._slopes_of]
            self.weight = [square(part, part) for part, square in self._kept_of]

    def after_step(self) -> None:
        """Measure what the step changed."""
        outside_of_autograd(torch._foreach_sub_, self._kept, list(self._parameters))
        with np.errstate(all="ignore"):
            self.moved = [square(part, part) for part, square in self._kept_of]

    def _shaped(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Flat tensors in the shapes of the weights."""
        return [p.view_as(weight) for p, weight in zip(parts, self._parameters, strict=True)]


def _with_square(part: Tensor) -> tuple[Any, Callable[[Any, Any], float]]:
    """A part and what gives its squared norm: numpy, or torch where numpy would use threads."""
    if len(part) > ONE_THREAD:
        return part, _square_by_torch
    return part.numpy(), _square


def _square(part: npt.NDArray[np.floating], same: npt.NDArray[np.floating]) -> float:
    """The squared norm; in double precision where single loses it: a faint gradient is not 0."""
    square = float(part.dot(same))
    if FAINT < square < STRONG:
        return square
    wide = part.astype(np.float64)
    return float(wide.dot(wide))


def _square_by_torch(part: Tensor, same: Tensor) -> float:
    """The same by torch."""
    square = torch.dot(part, same).item()
    return square if FAINT < square < STRONG else torch.dot(part.double(), same.double()).item()


def refined(found: Floats, tensors: Sequence[Tensor]) -> Floats:
    """Norms, those again in double precision whose squares single precision loses.

    Args:
        found: The norms in the precision of the tensors, shape (tensors,).
        tensors: What they are of. On CUDA they are in double precision already, and Apple's GPUs
            have none: there they stay.
    """
    lost = ~((found > FAINT**0.5) & (found < STRONG**0.5))
    for place in np.flatnonzero(lost).tolist():
        if tensors[place].device.type not in ("cuda", "mps"):
            exact = torch.linalg.vector_norm(tensors[place], dtype=torch.float64)
            found[place] = float(exact)
    return found


def outside_of_autograd(
    operation: Callable[[list[Tensor], list[Tensor]], Any],
    targets: list[Tensor],
    sources: list[Tensor],
) -> None:
    """Run an operation on lists of tensors, such as ``torch._foreach_copy_``, without a graph."""
    enabled = torch.is_grad_enabled()
    try:  # Ctrl-C may come between any two lines: it must not leave autograd off
        torch._C._set_grad_enabled(False)  # what torch.no_grad() does, for a tenth of its price
        operation(targets, sources)
    finally:
        torch._C._set_grad_enabled(enabled)
