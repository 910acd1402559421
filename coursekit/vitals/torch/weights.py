"""The weights of a model, layer by layer: their gradients, their size, how far they move."""

from typing import Any

import torch
from torch import Tensor, nn

from coursekit.errors import BadInputError
from coursekit.vitals.readings import Grouping
from coursekit.vitals.torch.measures import count_non_finite

Marks = list[tuple[Tensor, int] | None] | None
"""Each gradient and how often its memory has been written; None where there is no gradient."""


class Weights:
    """The trainable weights that a model has when the watch begins.

    Attributes:
        layers: Names of the modules that directly own trainable weights.
        parameters: The weights, in the order of ``model.named_modules()``.
        names: Their names.
        frozen: The weights that no gradient is computed for then, by their names.
        grouping: Joins norms of weights to norms of layers.
    """

    def __init__(self, model: nn.Module) -> None:
        every = [
            (layer, f"{layer}.{name}".lstrip("."), parameter)
            for layer, name, parameter in _owned(model)
        ]
        owned = [entry for entry in every if entry[2].requires_grad]
        self.frozen = {name: weight for _, name, weight in every if not weight.requires_grad}
        self._model = model
        self.layers = tuple(dict.fromkeys(layer for layer, _, _ in owned))
        self.names = tuple(name for _, name, _ in owned)
        self.parameters = [parameter for _, _, parameter in owned]
        self.grouping = Grouping(
            owners=[self.layers.index(layer) for layer, _, _ in owned], layers=len(self.layers)
        )

    def joined(self) -> list[str]:
        """Names of the trainable weights that the model has now and had not then."""
        known = {id(parameter) for parameter in self.parameters}
        return [
            f"{layer}.{name}".lstrip(".")
            for layer, name, parameter in _owned(self._model)
            if parameter.requires_grad and id(parameter) not in known
        ]

    def entries_of_layers(self) -> list[int]:
        """How many trainable numbers each layer owns; the weights of a layer stand together."""
        return [
            sum(self.parameters[place].numel() for place in own) for own in self.grouping.places
        ]

    def marks(self) -> Marks:
        """What `reached` needs to know of the gradients before ``backward``."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                break
        else:
            return None
        return [
            None if (grad := parameter.grad) is None else (grad, grad._version)
            for parameter in self.parameters
        ]

    def reached(self, marks: Marks) -> bool:
        """Whether a gradient has come to any weight since `marks`."""
        for place, parameter in enumerate(self.parameters):
            grad, mark = parameter.grad, None if marks is None else marks[place]
            if grad is not None and (
                mark is None or grad is not mark[0] or grad._version != mark[1]
            ):
                return True
        return False

    def mark(self) -> tuple[int, int] | None:
        """Which is the first gradient, and how often its memory has been written."""
        for parameter in self.parameters:
            if (grad := parameter.grad) is not None:
                return id(grad), grad._version
        return None

    def cleared(self) -> bool:
        """Whether there is no gradient, or none but zeros: crosses to the host."""
        grads = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        return not any(bool((g._values() if g.is_sparse else g).any()) for g in grads)

    def gradients(self) -> list[Tensor] | None:
        """The gradient of each weight; None where one has none."""
        grads = []
        for parameter in self.parameters:
            grad = parameter.grad
            if grad is None:
                return None
            grads.append(grad)
        return grads

    def without_gradient(self) -> str | None:
        """The name of the first weight that has no gradient; None where all have one."""
        for name, parameter in zip(self.names, self.parameters, strict=True):
            if parameter.grad is None:
                return name
        return None

    def non_finite_gradients(self) -> int:
        """How many entries of the gradients are NaN or infinite: crosses to the host."""
        grads = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        return int(count_non_finite([g.coalesce().values() if g.is_sparse else g for g in grads]))


def check_pair(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Refuse a model and an optimizer that cannot be read together.

    Raises:
        BadInputError: One is not what it should be, the model has weights on several devices
            or none to train, or the optimizer holds none of them.
    """
    check_kinds(model, optimizer)
    _check_parameters([p for p in model.parameters() if p.requires_grad], optimizer)


def check_kinds(model: object, optimizer: object) -> None:
    """Refuse what is no model or no optimizer, or does not let itself be watched.

    Raises:
        BadInputError: One is not what it should be.
    """
    if not isinstance(model, nn.Module):
        raise BadInputError(
            f"The model is {_kind(model)}; pass a torch.nn.Module. "
            "For model.fit in Keras use KerasRecorder."
        )
    scripted = torch.jit.RecursiveScriptModule  # type: ignore[attr-defined]
    if any(isinstance(module, scripted) for module in model.modules()):
        raise BadInputError(
            "The model is a ScriptModule, or has one in it, which does not let itself be watched. "
            "Pass the module as it was before torch.jit.script."
        )
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise BadInputError(
            f"The optimizer is {_kind(optimizer)}; pass a torch.optim.Optimizer, "
            "such as torch.optim.SGD(model.parameters(), lr=0.01)."
        )


def _kind(value: object) -> str:
    """What came, in words.

    >>> _kind("adam"), _kind(torch.optim.SGD)
    ('a str', 'the class SGD')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return f"a {type(value).__name__}"


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
