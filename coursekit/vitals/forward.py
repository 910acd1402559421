"""What passes through the layers of a PyTorch model in a forward pass, without keeping it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from coursekit.vitals.measures import feature_mean_and_std, mean_and_std, peaks

RELU_LIKE = (nn.ReLU, nn.ReLU6)
MOST_FEATURES = 512


class Batch:
    """What one batch showed, as small tensors on their device.

    Attributes:
        moments: Layer name to mean and standard deviation of its output.
        peaks: Name of a ReLU layer to the largest output of each unit.
        features: Mean and standard deviation of each input feature, if they were taken.
    """

    def __init__(self) -> None:
        self.moments: dict[str, tuple[Tensor, Tensor]] = {}
        self.peaks: dict[str, Tensor] = {}
        self.features: tuple[Tensor, Tensor] | None = None

    def absorb(self, later: "Batch") -> None:
        """Add a later batch of the same step: last moments, largest peaks."""
        self.moments.update(later.moments)
        self.features = later.features or self.features
        for layer, peak in later.peaks.items():
            known = self.peaks.get(layer)
            same = known is not None and known.shape == peak.shape
            self.peaks[layer] = torch.maximum(known, peak) if same and known is not None else peak


class ForwardWatch:
    """Hooks on a model that read each forward pass for which gradients are kept.

    A pass under ``torch.no_grad()`` (a validation) is not read, and one that no ``backward``
    follows is dropped: see `take`.

    Attributes:
        layers: Names of the leaf modules.
        relus: Those of them that are ReLU or ReLU6.
        seen: Leaf modules that were read at least once.
        notes: What could not be read, one sentence each, in the order met.
    """

    def __init__(self, model: nn.Module) -> None:
        leaves = {name: m for name, m in model.named_modules() if not any(m.children())}
        self.layers = tuple(leaves)
        self.relus = tuple(name for name, m in leaves.items() if isinstance(m, RELU_LIKE))
        self.seen: set[str] = set()
        self.notes: dict[str, None] = {}
        self._batch = Batch()
        self._attachers: list[Callable[[], RemovableHandle]] = [
            partial(model.register_forward_pre_hook, self._begin, with_kwargs=True),
            *(
                partial(module.register_forward_hook, partial(self._read, name))
                for name, module in leaves.items()
            ),
        ]
        self._handles: list[RemovableHandle] = []

    def attach(self) -> None:
        """Put the hooks on, if they are not."""
        if not self._handles:
            self._handles = [attach() for attach in self._attachers]

    def detach(self) -> None:
        """Take the hooks off, and forget what was not taken."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._batch = Batch()

    def take(self) -> Batch:
        """What the last forward pass showed."""
        batch, self._batch = self._batch, Batch()
        self.seen.update(batch.moments)
        return batch

    def _begin(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A forward pass of the whole model begins: read its input."""
        if not torch.is_grad_enabled():
            return
        self._batch = Batch()
        inputs: Any = next(iter((*args, *kwargs.values())), None)
        why = _unreadable_input(inputs)
        if why:
            self.notes[f"Input statistics were not taken: {why}."] = None
        elif len(inputs):
            self._batch.features = feature_mean_and_std(inputs.detach())

    def _read(self, layer: str, _: nn.Module, __: tuple[Any, ...], output: Any) -> None:
        """Read the output of a leaf module, right away: a later layer may work in place."""
        if not torch.is_grad_enabled():
            return
        if not _is_real(output):
            self.notes[
                f"Layer {layer!r} returns {_described(output)}; only one tensor of real numbers "
                "is read."
            ] = None
            return
        if layer in self._batch.moments:
            self.notes[
                f"Layer {layer!r} is called more than once in a pass: its last call is read."
            ] = None
        if output.numel():
            self._measure(layer, output.detach())

    def _measure(self, layer: str, output: Tensor) -> None:
        """Reduce an output to its readings."""
        self._batch.moments[layer] = mean_and_std(output)
        if layer in self.relus and output.dim():
            self._batch.peaks[layer] = peaks(output)


def _is_real(output: Any) -> bool:
    """Whether the output is one tensor of real numbers."""
    return isinstance(output, Tensor) and output.is_floating_point()


def _described(output: Any) -> str:
    """An output that is not read, in words."""
    if isinstance(output, Tensor):
        return f"a tensor of {str(output.dtype).removeprefix('torch.')}"
    return f"a {type(output).__name__}"


def _unreadable_input(inputs: Any) -> str:
    """Why the input has no statistics per feature; "" if it has."""
    if not _is_real(inputs):
        return f"the input is {_described(inputs)}, not a table of real numbers"
    if inputs.dim() != 2:
        return f"the input has shape {tuple(inputs.shape)}, and only (rows, features) is read"
    if inputs.shape[1] > MOST_FEATURES:
        return f"the input has {inputs.shape[1]} features, and at most {MOST_FEATURES} are read"
    return ""
