"""Which runs can be stacked: models that are one program, and whose stacked form is the plain one.

There is no list of layers that are known to work. The first batch is put through the plain model
and through a stack of two, and what differs decides.
"""

import random
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.training.guard import check_labels, check_loss
from coursekit.training.rehearsal import rehearsal
from coursekit.training.sweeping.stacked import Stack
from coursekit.training.sweeping.update import Rule

Loss = Callable[[Any, Any], Tensor]
Batches = Sequence[tuple[Tensor, Tensor]]

# Sums are taken in another order, and some GPUs round to TF32. A wrong formula is further off.
_RELATIVE, _OF_LARGEST = 1e-2, 1e-3
_NOISE = 1e-5  # of the largest gradient: that of a bias before BatchNorm is 0 but for rounding

_HOOKS = frozenset(name for name in vars(nn.Identity()) if name.endswith("_hooks"))
_HELD = {"_parameters", "_buffers", "_modules"}  # compared by name and form


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What the first pass through one plain model showed.

    Attributes:
        refusal: Why its runs cannot be stacked, as the end of a sentence; None where they can.
        bytes_a_run: The memory that one run takes while it is trained, about.
    """

    refusal: str | None
    bytes_a_run: int


@dataclass(frozen=True, kw_only=True)
class _Plain:
    """One backward pass through the plain model."""

    loss: Tensor
    gradients: tuple[Tensor | None, ...]
    buffers: dict[str, Tensor]
    saved_bytes: int
    refusal: str | None


def signature(model: nn.Module) -> Hashable:
    """Equal for models that are one program and differ in the values of their weights alone.

    Compared are the types of all modules, their plain attributes, and name, shape, type and sharing
    of weights and buffers. An attribute that is no plain value is compared by identity.

    >>> signature(nn.Linear(2, 3)) == signature(nn.Linear(2, 3))
    True
    >>> signature(nn.LeakyReLU(0.1)) == signature(nn.LeakyReLU(0.2))
    False
    """
    modules = tuple(
        (name, type(module), _attributes(module))
        for name, module in model.named_modules(remove_duplicate=False)
    )
    first: dict[int, str] = {}
    weights = tuple(
        (name, first.setdefault(id(weight), name), _form(weight))
        for name, weight in model.named_parameters(remove_duplicate=False)
    )
    buffers = tuple((name, _form(buffer)) for name, buffer in model.named_buffers())
    return modules, weights, buffers


def rehearse(
    model: nn.Module, batches: Batches, *, loss_fn: Loss, rule: Rule | str, device: torch.device
) -> Rehearsed:
    """Look at all labels, and put the first batch through the model and through a stack of it.

    Args:
        model: In training mode, on the device; left as it was.
        batches: The first pass, on the device.
        loss_fn: As for `coursekit.sweep`.
        rule: The update, or why there is none.
        device: Where the model is.

    Raises:
        BadInputError: Labels that the loss cannot use, or a loss that is not one number.
    """
    with rehearsal(model, device):
        _check_all_labels(model, batches, loss_fn)
    with rehearsal(model, device):
        plain = _plainly(model, *batches[0], loss_fn)
    refusal = rule if isinstance(rule, str) else _has_hooks(model) or plain.refusal
    if refusal is None and isinstance(rule, Rule):
        refusal = _compared(plain, model, *batches[0], loss_fn, rule, device)
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    return Rehearsed(refusal=refusal, bytes_a_run=3 * weights + 2 * plain.saved_bytes)


@torch.no_grad()
def _check_all_labels(model: nn.Module, batches: Batches, loss_fn: Loss) -> None:
    """Every label of the first pass, before the loss meets one."""
    for inputs, labels in batches:
        check_labels(loss_fn, model(inputs), labels)


def _plainly(model: nn.Module, inputs: Tensor, labels: Tensor, loss_fn: Loss) -> _Plain:
    """Loss, gradients and buffers of one batch, and what else the pass changed."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    program, dice = signature(model), _dice()
    with _saved_bytes({weight.data_ptr() for weight in trained}) as saved:
        loss = loss_fn(model(inputs), labels)
    check_loss(loss)
    gradients = torch.autograd.grad(loss.reshape(()), trained, allow_unused=True)
    refusal = None
    if _dice() != dice:
        refusal = "its forward pass draws random numbers, as Dropout does"
    elif signature(model) != program:
        refusal = "its forward pass changes attributes of its modules"
    return _Plain(
        loss=loss.detach().reshape(()),
        gradients=gradients,
        buffers={name: buffer.clone() for name, buffer in model.named_buffers()},
        saved_bytes=sum(saved),
        refusal=refusal,
    )


def _compared(
    plain: _Plain,
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    loss_fn: Loss,
    rule: Rule,
    device: torch.device,
) -> str | None:
    """How a stack of two differs from the plain model; None where it does not."""
    stack = Stack([model], [0, 0], rule=rule, loss_fn=loss_fn, device=device)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="There is a performance drop")
            losses, gradients = stack.gradients(inputs, labels)
    except Exception as error:  # whatever vmap cannot do, a process can
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        return f"vmap refuses it ({type(error).__name__}: {reason.rstrip('.')})"
    if not torch.isfinite(plain.loss):
        return None  # nothing to compare, and nothing that training would keep
    noise = _NOISE * max(map(_largest, plain.gradients), default=0.0)
    same = _same(plain.loss, losses)
    for one, stacked in zip(plain.gradients, gradients, strict=True):
        same = same and _same(one, stacked, noise=noise)
    for name, stacked in stack.buffers.items():
        same = same and _same(plain.buffers[name], stacked)
    return None if same else "its stacked form gives another result"


def _same(plain: Tensor | None, stacked: Tensor | None, *, noise: float = 0.0) -> bool:
    """Whether both rows of the stack hold the plain values, up to rounding."""
    if plain is None or stacked is None:
        return plain is stacked
    floor = max(_OF_LARGEST * _largest(plain), noise)
    return torch.allclose(stacked, plain.expand_as(stacked), rtol=_RELATIVE, atol=floor)


def _largest(values: Tensor | None) -> float:
    """The largest entry, whatever its sign; 0 where there is none."""
    return float(values.abs().max()) if values is not None and values.numel() else 0.0


def _has_hooks(model: nn.Module) -> str | None:
    """Hooks expect the tensors of one run."""
    if any(vars(module).get(name) for module in model.modules() for name in _HOOKS):
        return "its modules have hooks"
    return None


@contextmanager
def _saved_bytes(weights: set[int]) -> Iterator[list[int]]:
    """The sizes of what autograd keeps for the backward pass, weights aside."""
    sizes: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        sizes.append(0 if tensor.data_ptr() in weights else tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield sizes


def _attributes(module: nn.Module) -> Hashable:
    """The attributes of a module, its hooks among them, in a form that can be compared."""
    own = vars(module).items()
    return tuple((name, _frozen(value)) for name, value in own if name not in _HELD)


def _frozen(value: Any) -> Hashable:
    """A value with its type; what is no plain value stands for itself alone."""
    if value is None or isinstance(value, float | int | str):
        return type(value), value
    if isinstance(value, list | tuple):
        return type(value), tuple(map(_frozen, value))
    if isinstance(value, set | frozenset):
        return set, frozenset(map(_frozen, value))
    if isinstance(value, dict):
        return dict, tuple((_frozen(key), _frozen(item)) for key, item in value.items())
    return object, id(value)


def _form(tensor: Tensor) -> Hashable:
    """What two weights must share to be stacked."""
    return tuple(tensor.shape), tensor.dtype, tensor.device, tensor.requires_grad


def _dice() -> Hashable:
    """The states of the generators that a forward pass may draw from."""
    gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        gpu = [torch.mps.get_rng_state()]
    states = [torch.get_rng_state(), *gpu]
    _, keys, place, *_ = np.random.get_state()
    own = tuple(state.numpy().tobytes() for state in states)
    return own, random.getstate(), np.asarray(keys).tobytes(), place
