"""What passes through the layers of a PyTorch model in a forward pass."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from coursekit.vitals.readings import MOST_FEATURES
from coursekit.vitals.torch.batch import Batch
from coursekit.vitals.torch.clock import Clock
from coursekit.vitals.torch.layers import Reads, puts_channels_first, unit_axis
from coursekit.vitals.torch.survey import Survey

Hook = Callable[[nn.Module, tuple[Any, ...], Any], None]

SEVERAL_PASSES = (
    "Several forward passes came before one call of backward: inputs and activations are those of "
    "the last pass."
)


class Own(partial[None]):
    """A hook on this model alone: in a copy of the model, or in a file, it does nothing.

    What stands there is of the standard library, so that the file loads without coursekit too.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (nullcontext(), "__exit__")


class Pass:
    """One forward pass, as long as its ``backward`` is waited for.

    Attributes:
        inputs: The table that went in; None where it has no statistics per feature.
        outputs: Layer name to its last output, where outputs are kept.
        batch: What was measured in the hooks, if outputs are not kept.
        node: The node of autograd's graph that made the first output, if outputs are not kept.
    """

    def __init__(self, inputs: Any = None) -> None:
        self.inputs = inputs
        self.version = getattr(inputs, "_version", 0)
        self.outputs: dict[str, Any] = {}
        self.batch: Batch | None = None
        self.node: Any = None

    def first_node(self) -> Any:
        """The node of autograd's graph that made the first output; None where there is none.

        Whoever holds it holds no more than the input and the weights of that layer.
        """
        nodes = (getattr(output, "grad_fn", None) for output in self.outputs.values())
        return self.node or next((node for node in nodes if node is not None), None)

    def measured(self, reads: Reads) -> Batch:
        """The batch, with what has been kept so far measured too."""
        batch = self.batch or Batch()
        for layer, output in self.outputs.items():
            if _is_real(output) and output.numel():
                batch.measure(layer, output.detach(), reads)
        if not _unreadable_input(self.inputs) and self.inputs._version == self.version:
            batch.measure_inputs(self.inputs.detach())
        return batch


class ForwardWatch:
    """Hooks on a model that read each forward pass for which gradients are kept.

    A pass under ``torch.no_grad()`` (a validation) is not read, and one that no ``backward``
    follows is dropped: see `take`.

    Attributes:
        reads: Which layers are read in which way.
        survey: The first pass, from which is decided whether outputs can be kept; None after it.
        notes: What could not be read, one sentence each, in the order met.
        thread: The identity of the thread in which the last pass began.
        replaced: Of the passes since the last `take` that a later one replaced, where the first
            and the last of them stand in autograd's graph.
    """

    def __init__(self, model: nn.Module, clock: Clock) -> None:
        self.reads = Reads(model)
        self.survey: Survey | None = Survey()
        self.notes: dict[str, None] = {}
        self.thread = get_ident()
        self.replaced: list[Any] = []
        self._clock = clock
        self._pass = Pass()
        self._channels_first = False
        self._model = model
        self._table: bool | None = None
        self._unreadable: set[str] = set()
        self._several: set[str] = set()
        self._hooks: dict[str, Hook] = {name: Own(self._read, name) for name in self.reads.leaves}
        self._handles: list[RemovableHandle] = []

    def attach(self) -> None:
        """Put the hooks on, if they are not.

        ``model.compile()`` would compile them too, and what they do is not to be compiled.
        """
        if not self._handles and self._model._compiled_call_impl is None:
            begin = self._model.register_forward_pre_hook(Own(self._begin), with_kwargs=True)
            self._handles = [
                begin,
                *(
                    self.reads.leaves[name].register_forward_hook(hook)
                    for name, hook in self._hooks.items()
                ),
            ]

    def keep_outputs(self, *, table: bool, in_place: frozenset[str]) -> None:
        """From now on keep outputs until `take` rather than measure each in its hook.

        Args:
            table: Whether the input is a table: its statistics per feature are taken.
            in_place: Layers whose output a later layer overwrites: a copy of it is kept.
        """
        self.detach()
        self._table = table
        self._hooks = {
            name: Own(self._keeper(name, copies=name in in_place, several=name in self._several))
            for name in self.reads.leaves
            if name not in self._unreadable
        }

    def detach(self) -> None:
        """Take the hooks off, and forget what was not taken."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self.take()

    def take(self) -> Pass:
        """The last forward pass."""
        taken, self._pass = self._pass, Pass()
        self.replaced.clear()
        return taken

    def look_back(self, loss: Tensor) -> None:
        """Say so if a pass that was replaced is behind a loss: only the last can be read."""
        if SEVERAL_PASSES not in self.notes and _is_behind(loss, self.replaced):
            self.notes[SEVERAL_PASSES] = None

    def _begin(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A forward pass of the whole model begins."""
        if not torch.is_grad_enabled():
            return
        self.thread = get_ident()
        self._clock.mark("forward")
        if self._pass.outputs or self._pass.batch is not None:
            self.replaced[1:] = [self._pass.first_node()]
        inputs: Any = args[0] if args else next(iter(kwargs.values()), None)
        if self._table is not None:
            self._pass = Pass(inputs if self._table else None)
            return
        self._channels_first = False
        why = _unreadable_input(inputs)
        if why:
            self.notes[f"Input statistics were not taken: {why}."] = None
        self._pass = Pass(None if why or not len(inputs) else inputs)
        if self.survey is not None:
            self.survey = Survey()

    def _read(self, layer: str, module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        """Measure the output of a leaf module."""
        if not torch.is_grad_enabled():
            return
        if isinstance(output, tuple) and _is_real(_first_of(output)):
            self._several.add(layer)
            self.notes[
                f"Layer {layer!r} returns {_described(output)}: the first tensor in it is read."
            ] = None
            output = _first_of(output)
        if not _is_real(output):
            self._unreadable.add(layer)
            self.notes[
                f"Layer {layer!r} returns {_described(output)}; only one tensor of real numbers "
                "is read."
            ] = None
            return
        batch = self._pass.batch = self._pass.batch or Batch()
        if layer in batch.moments or layer in self._pass.outputs:
            if torch._C._current_graph_task_id() != -1:  # checkpoint() computes it again, the same
                return
            self.notes[
                f"Layer {layer!r} is called more than once in a pass: its last call is read."
            ] = None
        self._pass.node = self._pass.node or output.grad_fn
        self._measure(layer, module, output.detach(), batch)

    def _keeper(self, layer: str, *, copies: bool, several: bool) -> Hook:
        """A hook that keeps the output of a layer; as short as can be, for it runs in each pass."""

        def keep(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
            if torch.is_grad_enabled():
                self._pass.outputs[layer] = output

        def keep_first(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
            if torch.is_grad_enabled():
                first = _first_of(output)
                self._pass.outputs[layer] = first.detach().clone() if copies else first

        def copy(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
            if torch.is_grad_enabled():
                self._pass.outputs[layer] = output.detach().clone()

        return keep_first if several else copy if copies else keep

    def _measure(self, layer: str, module: nn.Module, output: Tensor, batch: Batch) -> None:
        """Reduce an output right away, or copy it: a later layer may overwrite it."""
        first = puts_channels_first(module)
        self._channels_first = self._channels_first if first is None else first
        if output.dim():
            self.reads.unit_axes[layer] = unit_axis(output, channels_first=self._channels_first)
        if self.survey is not None:
            self.survey.add(layer, output)
        if self.survey is not None and self.survey.fits:
            self._pass.outputs[layer] = output.clone()
        elif output.numel():
            batch.measure(layer, output, self.reads)


def _is_behind(loss: Tensor, nodes: list[Any]) -> bool:
    """Whether one of the nodes of autograd's graph is among those that a loss was computed by."""
    waiting: list[Any] = [loss.grad_fn]
    seen: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        if node in nodes:
            return True
        seen.add(node)
        waiting += [below for below, _ in node.next_functions]
    return False


def _is_real(output: Any) -> bool:
    """Whether it is a tensor of real numbers."""
    return isinstance(output, Tensor) and output.is_floating_point()


def _first_of(output: Any) -> Any:
    """The first of what a layer returns: the states of a recurrent layer, packed or not."""
    while isinstance(output, tuple) and output:
        output = output[0]
    return output


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
