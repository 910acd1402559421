"""The layers of a Keras model: their names, whose weights are whose, and what passes through."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

from coursekit._optional import require
from coursekit.vitals.keras.reduce import Reads
from coursekit.vitals.readings import near_bounds

_BOUNDS = {
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
}  # not softmax: one sure class is what it is for
_RELUS = ("relu", "relu6")


class Layers:
    """The layers of a built model, those inside of models and of composite layers included.

    A layer inside another is named with it: ``encoder/dense``. Where it is called from Python
    while a graph is traced, its output can be read, whatever kind of model it is in.

    Attributes:
        named: Name to layer, in the order of the model; input layers are left out.
        weights: The weights that are watched: those that train, in the order of the model.
        held: Those of them that are not marked as trainable, though they may train.
        owners: For each of `weights`, the name of the layer that owns it.
        notes: What could not be read, one sentence each.
    """

    def __init__(self, model: Any, *, traced: bool = False) -> None:
        """List the layers.

        Args:
            model: A built model.
            traced: Whether its train function has run before. What trains then is what the
                optimizer holds, and not what was marked as trainable since.
        """
        self._model_name = model.name
        self._tf = require("tensorflow", extra="keras", purpose="Recordings of Keras")
        self._keras = require("keras", extra="keras", purpose="Recordings of Keras")
        self.named = self._names(model)
        self.held = _held(model) if traced and not model.run_eagerly else []
        self.weights = _in_order(model, [*model.trainable_variables, *self.held])
        self._owner = self._owners()
        self.owners = self.owners_of(self.weights)
        self.notes: dict[str, None] = {}
        self._called: set[str] = set()

    def owners_of(self, variables: list[Any]) -> list[str]:
        """The name of the innermost layer of each variable."""
        return [self._owner.get(id(variable), self._model_name) for variable in variables]

    @contextmanager
    def heard(self) -> Iterator[dict[str, Any]]:
        """While this lasts, each layer that is called puts its output here, by name."""
        outputs: dict[str, Any] = {}
        self._called.clear()
        here, layers = self._place(), list(self._readable().items())
        before = [vars(layer).get("call") for _, layer in layers]
        for name, layer in layers:
            hear = partial(self._hear, outputs, here, name)
            # Past Keras's own __setattr__, which would keep track of what is set.
            object.__setattr__(layer, "call", _telling(layer.call, hear))
        try:
            yield outputs
        finally:
            for (_, layer), call in zip(layers, before, strict=True):
                if call is None:
                    object.__delattr__(layer, "call")
                else:
                    object.__setattr__(layer, "call", call)
        silent = [repr(name) for name, _ in layers if name not in self._called]
        if silent:
            self.notes[f"No output was read of: {', '.join(silent)}."] = None

    def reads(self, outputs: dict[str, Any]) -> Reads:
        """Which of the layers that were heard are read in which way."""
        layers = tuple(name for name in self.named if name in outputs)
        bounds = {name: self._saturation(name) for name in layers}
        return Reads(
            layers=layers,
            relus={
                name: self._unit_axis(name, axes=outputs[name].shape.rank)
                for name in layers
                if self._is_relu(name)
            },
            bounded={name: ends for name, ends in bounds.items() if ends},
        )

    def _is_relu(self, name: str) -> bool:
        """Whether a layer's output is never below 0, and is exactly 0 where a unit is off."""
        last = self._last_activation(self.named[name])
        if isinstance(last, self._keras.layers.ReLU):
            return not last.negative_slope and not last.threshold
        return any(self._is_one(last, known) for known in _RELUS)

    def _saturation(self, name: str) -> tuple[float, float] | None:
        """Beyond which outputs a layer counts as saturated; None where it has no bounds."""
        last = self._last_activation(self.named[name])
        for known, (low, high) in _BOUNDS.items():
            if self._is_one(last, known):
                return near_bounds(low, high)
        return None

    def _unit_axis(self, name: str, *, axes: int) -> int:
        """The axis of a layer's output that counts its units: channels for a convolution."""
        first = getattr(self.named[name], "data_format", None) == "channels_first"
        return 1 if first and axes > 2 else axes - 1

    def _last_activation(self, layer: Any) -> Any:
        """What a layer's output has passed last: a function, a layer, or None."""
        recurrent = isinstance(layer, self._keras.layers.RNN)
        if recurrent and not isinstance(layer, self._keras.layers.SimpleRNN):
            return None  # an LSTM multiplies what its activation gives
        if isinstance(layer, self._keras.layers.ReLU):
            return layer
        return getattr(layer, "activation", None)

    def _is_one(self, function: Any, name: str) -> bool:
        """Whether a function is the activation of that name, from Keras or TensorFlow."""
        places = (self._keras.activations, self._keras.ops, self._tf.nn, self._tf)
        return any(function is getattr(place, name, place) for place in places)

    def _hear(self, outputs: dict[str, Any], here: Any, name: str, output: Any) -> None:
        """Keep the output of a layer, if it is one tensor of real numbers in this graph."""
        self._called.add(name)
        if not self._tf.is_tensor(output) or not output.dtype.is_floating:
            what = output.dtype.name if hasattr(output, "dtype") else type(output).__name__
            self.notes[f"Layer {name!r} returns {what}; only one tensor of real numbers is "
                       "read."] = None  # fmt: skip
        elif self._place() is not here:
            self.notes[f"Layer {name!r} is called inside a loop of the graph: its output is not "
                       "read."] = None  # fmt: skip
        else:
            if name in outputs:
                self.notes[f"Layer {name!r} is called more than once in a pass: its last call is "
                           "read."] = None  # fmt: skip
            outputs.pop(name, None)
            outputs[name] = output

    def _place(self) -> Any:
        """The graph that is being traced; None where Python runs the operations at once."""
        eager = self._tf.executing_eagerly()
        return None if eager else self._tf.compat.v1.get_default_graph()

    def _readable(self) -> dict[str, Any]:
        """The layers that are no models."""
        models = self._keras.Model
        return {name: one for name, one in self.named.items() if not isinstance(one, models)}

    def _names(self, model: Any) -> dict[str, Any]:
        """Name to layer, outer before inner; a shared layer under its first name."""
        named: dict[str, Any] = {}
        seen: set[int] = set()

        def walk(parent: Any, prefix: str) -> None:
            for layer in self._inside(parent):
                if id(layer) in seen or isinstance(layer, self._keras.layers.InputLayer):
                    continue
                seen.add(id(layer))
                name = _unused(prefix + layer.name, named)
                named[name] = layer
                walk(layer, f"{name}/")

        walk(model, "")
        return named

    def _inside(self, parent: Any) -> list[Any]:
        """The layers directly inside of a model or a layer."""
        if isinstance(parent, self._keras.Model):
            return list(parent.layers)
        return list(parent._flatten_layers(include_self=False, recursive=False))

    def _owners(self) -> dict[int, str]:
        """For each weight, by its id, the innermost layer that has it."""
        owner: dict[int, str] = {}
        for name, layer in self.named.items():
            inner = {id(v) for one in self._inside(layer) for v in one.weights}
            for variable in layer.weights:
                if id(variable) not in inner:
                    owner.setdefault(id(variable), name)
        return owner


def unwrapped(optimizer: Any) -> Any:
    """The optimizer that moves the weights: another may stand around it that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _held(model: Any) -> list[Any]:
    """Weights that the optimizer holds and that are marked as frozen now."""
    optimizer = unwrapped(model.optimizer)
    marked = {id(variable) for variable in model.trainable_variables}
    ever = {id(one) for layer in model._flatten_layers() for one in layer._trainable_variables}
    return [
        variable
        for variable in getattr(optimizer, "_trainable_variables", [])
        if id(variable) in ever - marked
    ]


def _in_order(model: Any, variables: list[Any]) -> list[Any]:
    """Weights in the order of the model; as they came where none of them is out of order."""
    if len(variables) == len(model.trainable_variables):
        return variables
    place = {id(variable): number for number, variable in enumerate(model.weights)}
    return sorted(variables, key=lambda one: place.get(id(one), len(place)))


def _telling(call: Callable[..., Any], hear: Callable[[Any], None]) -> Callable[..., Any]:
    """A layer's ``call`` that tells its output."""

    @wraps(call)
    def told(*args: Any, **kwargs: Any) -> Any:
        output = call(*args, **kwargs)
        hear(output)
        return output

    return told


def _unused(name: str, taken: dict[str, Any]) -> str:
    """The name, with a number if another layer has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free
