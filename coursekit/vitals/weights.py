"""The weights of a model, layer by layer: their gradients, their size, how far they move."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.vitals.measures import count_non_finite, norms
from coursekit.vitals.readings import Grouping


class Weights:
    """The trainable weights that a model has when the watch begins.

    Attributes:
        layers: Names of the modules that directly own trainable weights.
        parameters: The weights, in the order of ``model.named_parameters()``.
        names: Their names.
        grouping: Joins norms of weights to norms of layers.
    """

    def __init__(self, model: nn.Module) -> None:
        owned = [
            (layer, f"{layer}.{name}".lstrip("."), parameter)
            for layer, name, parameter in _owned(model)
            if parameter.requires_grad
        ]
        self.layers = tuple(dict.fromkeys(layer for layer, _, _ in owned))
        self.names = tuple(name for _, name, _ in owned)
        self.parameters = [parameter for _, _, parameter in owned]
        self.grouping = Grouping(
            owners=[self.layers.index(layer) for layer, _, _ in owned], layers=len(self.layers)
        )
        self._before: list[Tensor] = []

    def marks(self) -> list[tuple[int, int] | None]:
        """What tells, compared before and after ``backward``, whether a gradient came."""
        return [
            None if (grad := parameter.grad) is None else (id(grad), grad._version)
            for parameter in self.parameters
        ]

    def gradient_norms(self) -> tuple[list[Tensor], npt.NDArray[np.bool_]]:
        """The gradient norms of the weights that have a gradient, and which have, (weights,)."""
        grads = self._gradients()
        present = np.array([grad is not None for grad in grads], dtype=np.bool_)
        return norms([grad for grad in grads if grad is not None]), present

    def non_finite_gradients(self) -> int:
        """How many entries of the gradients are NaN or infinite: crosses to the host."""
        return int(count_non_finite([grad for grad in self._gradients() if grad is not None]))

    def keep(self) -> None:
        """Copy the weights as they are before a step, into memory that is used again."""
        now = self._values()
        if [weight.shape for weight in self._before] != [weight.shape for weight in now]:
            self._before = [torch.empty_like(weight) for weight in now]
        torch._foreach_copy_(self._before, now)

    def norms_around_step(self) -> tuple[list[Tensor], list[Tensor]]:
        """Norms of the weights before the step, and of what the step changed."""
        before = norms(self._before)
        torch._foreach_sub_(self._before, self._values())
        return before, norms(self._before)

    def _values(self) -> list[Tensor]:
        return [parameter.detach() for parameter in self.parameters]

    def _gradients(self) -> list[Tensor | None]:
        """The gradients; of a sparse one (an embedding) the stored entries."""
        grads = [parameter.grad for parameter in self.parameters]
        return [g.coalesce().values() if g is not None and g.is_sparse else g for g in grads]


def check_pair(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Refuse a model and an optimizer that cannot be read together.

    Raises:
        BadInputError: One is not what it should be, the model has weights on several devices
            or none to train, or the optimizer holds none of them.
    """
    if not isinstance(model, nn.Module):
        raise BadInputError(
            f"The model is a {type(model).__name__}; pass a torch.nn.Module. "
            "For model.fit in Keras use KerasRecorder."
        )
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise BadInputError(
            f"The optimizer is a {type(optimizer).__name__}; pass a torch.optim.Optimizer, "
            "such as torch.optim.SGD(model.parameters(), lr=0.01)."
        )
    _check_parameters([p for p in model.parameters() if p.requires_grad], optimizer)


def _check_parameters(trainable: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """Refuse weights that cannot be read, or that the optimizer does not hold."""
    if not trainable:
        raise BadInputError(
            "The model has no weights to train: no parameter has requires_grad=True. "
            "Pass the model that is being trained."
        )
    if any(isinstance(p, nn.UninitializedParameter) for p in trainable):
        raise BadInputError(
            "The model has lazy layers whose weights do not exist yet. "
            "Call the model once on a batch before this."
        )
    devices = sorted({str(p.device) for p in trainable})
    if len(devices) > 1:
        raise BadInputError(
            f"The model's weights are on {' and '.join(devices)}. One device is read: "
            "call model.to(device) before building the optimizer."
        )
    if not held_by(optimizer) & {id(p) for p in trainable}:
        raise BadInputError(
            "The optimizer holds no weight of this model, so its steps cannot train it. "
            "Build it from this model, after the model is complete: "
            "torch.optim.SGD(model.parameters(), lr=0.01)."
        )


def held_by(optimizer: torch.optim.Optimizer) -> set[int]:
    """The identities of the parameters that an optimizer holds."""
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def _owned(model: nn.Module) -> list[tuple[str, str, Any]]:
    """Module name, parameter name and parameter; a shared one belongs to its first owner."""
    seen: set[int] = set()
    owned = []
    for layer, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                owned.append((layer, name, parameter))
    return owned
