"""One measurement of a Keras model on a fixed batch: a graph that is traced once, or eager calls.

On the CPU the graph gives out gradients and layer outputs, and numpy reduces them where they
lie: a numpy call costs 3 µs there, an operation of a graph about 0.5 ms to trace and 6 µs to
run. On another device they are reduced inside the graph, and one vector crosses to the host.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit._optional import require
from coursekit.vitals.keras.fitting import tried
from coursekit.vitals.keras.layers import Layers
from coursekit.vitals.keras.reduce import Reads, count_broken, norms, of_outputs, stacked
from coursekit.vitals.keras.state import Untouched, nothing_drawn
from coursekit.vitals.readings import Floats

Parts = dict[str, Any]

HOST = "CPU"  # the name of the device whose memory numpy can read


class Probe:
    """Measures a compiled Keras model on a batch that does not change.

    The batch passes in inference mode. What a measurement would write all the same (the state of
    a metric, the seed of a layer that always draws) is put back.

    Attributes:
        reads: Which layers are read in which way.
        present: Which trainable weights have a gradient, shape (weights,).
        scaled: Whether the loss is scaled for its gradient.
        without_loss: Whether nothing says what the loss is, so that it was not measured.
        optimizer: The optimizer whose learning rate is read; None where that cannot be told.
        notes: What cannot be seen of this model, one sentence each.
    """

    def __init__(self, model: Any, x: Any, y: Any, *, layers: Layers) -> None:
        self._tf = require("tensorflow", extra="keras", purpose="Recordings of Keras")
        self._keras = require("keras", extra="keras", purpose="Recordings of Keras")
        self._model = model
        self._layers = layers
        self._x, self._y = self._tensors(x), self._tensors(y)
        self._variables = layers.weights
        self._places = [_first_copy(model, variable.value) for variable in self._variables]
        self._on_host = all(HOST in one.device.upper() for one in self._places)
        self._sizes: dict[str, int] = {}
        self.without_loss = False
        self.optimizer = _one_optimizer(model)
        self.reads = Reads(relus={}, bounded={})
        self.present: npt.NDArray[np.bool_] = np.ones(len(self._variables), dtype=np.bool_)
        self.scaled = False
        self._kept: list[Any] = []
        self._sent: Parts = {}
        self._build_scale()
        self._seen = self._ready(model)

    @property
    def notes(self) -> list[str]:
        """What cannot be seen of this model."""
        no_loss = "The model is compiled without a loss: loss and gradients were not measured."
        return [*self._layers.notes, *([no_loss] if self.without_loss else [])]

    def before_step(self) -> None:
        """Measure at the weights as they are, and keep them."""
        self._kept = self._weights()
        self._sent = self._tried(self._seen)

    def after_step(self) -> dict[str, Floats]:
        """Measure how far the weights moved, and give all of it: name to array."""
        now, kept = self._weights(), self._kept
        self._kept = []
        if self._on_host:
            with np.errstate(invalid="ignore"):  # infinite weights: NaN, and no warning
                moved = [np.subtract(a, b) for a, b in zip(_host(now), _host(kept), strict=True)]
            sent = {**self._sent, "weights": norms(np, _host(kept)), "moved": norms(np, moved)}
        else:
            ops = self._keras.ops
            moved = [ops.subtract(a, b) for a, b in zip(now, kept, strict=True)]
            parts = {"weights": norms(ops, kept), "moved": norms(ops, moved)}
            sent = self._unpacked(ops.concatenate([self._sent["flat"], *parts.values()]).numpy())
        sent["broken weights"] = _broken(kept, sent["weights"])
        return {name: np.asarray(part, dtype=np.float64) for name, part in sent.items()}

    def _build_scale(self) -> None:
        """Make the variable that a loss scale is kept in, as Keras would in the first step."""
        optimizer, model = self.optimizer, self._model
        if hasattr(optimizer, "initial_scale") and not optimizer.built:
            with model.distribute_strategy.scope():
                optimizer.build(model.trainable_variables)

    def _ready(self, model: Any) -> Callable[[], Parts]:
        """The function that measures: one concrete graph, or plain calls if the model is eager.

        Raises:
            BadInputError: The batch does not fit the model or its loss.
        """
        tf = self._tf
        graph = None
        if not model.run_eagerly:
            # Without autograph: nothing here branches on a tensor, and it costs 40 ms to ask.
            with nothing_drawn():
                traced = tf.function(self._measure, autograph=False)
                graph = self._tried(traced.get_concrete_function)
        untouched = Untouched(model, graph)

        def seen() -> Parts:
            if graph is not None:
                with untouched:
                    return self._reduced(graph())
            with untouched, nothing_drawn():
                return self._reduced(self._measure())

        if graph is None:
            self._tried(seen)
        return seen

    def _tried(self, measure: Callable[[], Any]) -> Any:
        """What a measurement of this model on this batch gives, or a sentence."""
        return tried(measure, model=self._model, x=self._x)

    def _measure(self) -> Parts:
        """Forward and backward on the batch; on another device than the CPU, reduced there."""
        model, tf = self._model, self._tf
        with self._layers.heard() as outputs, tf.GradientTape() as tape:
            tape.watch([variable.value for variable in self._layers.held])
            prediction = model(self._x, training=False)
            self.without_loss = _has_no_loss(model)  # add_loss is known after the pass only
            loss, scaled, scale = self._losses(prediction)
        slopes = [None] * len(self._variables)
        if not self.without_loss:
            slopes = tape.gradient(scaled, self._variables)
        self.present = np.array([slope is not None for slope in slopes])
        gradients = [self._wide(slope) for slope in slopes if slope is not None]
        if scale is not None:
            gradients = [gradient / tf.cast(scale, gradient.dtype) for gradient in gradients]
        self.reads = self._layers.reads(outputs)
        seen = {
            "numbers": [loss, *self._rates(), *([] if scale is None else [scale])],
            "gradients": gradients,
            "outputs": [self._wide(outputs[name]) for name in self.reads.layers],
        }
        return seen if self._on_host else self._packed(self._parts(self._keras.ops, seen))

    def _rates(self) -> list[Any]:
        """The learning rate, where there is one optimizer."""
        return [] if self.optimizer is None else [self.optimizer.learning_rate]

    def _losses(self, prediction: Any) -> tuple[Any, Any, Any]:
        """The loss, the loss as its gradient is taken, and the scale between them, if any."""
        if self.without_loss:
            nothing = self._tf.constant(np.nan)
            return nothing, nothing, None
        loss = self._model._compute_loss(x=self._x, y=self._y, y_pred=prediction, training=False)
        if self.optimizer is None:
            return loss, loss, None
        # Keras scales the loss so that small float16 gradients do not vanish: so does the probe.
        one = self._tf.ones((), loss.dtype)
        scale = self.optimizer.scale_loss(one)
        self.scaled = scale is not one
        return (loss, loss * scale, scale) if self.scaled else (loss, loss, None)

    def _reduced(self, seen: Parts) -> Parts:
        """What a measurement gave, as small arrays on the host; elsewhere it is small already."""
        if not self._on_host:
            return seen
        return self._parts(np, {name: _host(tensors) for name, tensors in seen.items()})

    def _parts(self, xp: Any, seen: Parts) -> Parts:
        """Norms, counts, moments and peaks of what was seen."""
        outputs = dict(zip(self.reads.layers, seen["outputs"], strict=True))
        loss = [] if self.without_loss else seen["numbers"][:1]
        return {
            "numbers": stacked(xp, [xp.reshape(number, ()) for number in seen["numbers"]]),
            "non-finite": count_broken(xp, [*loss, *seen["gradients"]]),
            "gradients": norms(xp, seen["gradients"]),
            **of_outputs(xp, outputs, self.reads),
        }

    def _packed(self, parts: Parts) -> Parts:
        """All parts end to end, as one tensor; their sizes are kept while the graph is traced."""
        tf = self._tf
        flat = {name: tf.cast(tf.reshape(part, [-1]), tf.float32) for name, part in parts.items()}
        self._sizes = {name: int(part.shape[0]) for name, part in flat.items()}
        return {"flat": tf.concat([*flat.values()], axis=0)}

    def _unpacked(self, host: Floats) -> dict[str, Floats]:
        """The parts of a vector that has crossed to the host."""
        weights = len(self._variables)
        sizes = {**self._sizes, "weights": weights, "moved": weights}
        ends = np.cumsum(list(sizes.values()))[:-1]
        return dict(zip(sizes, np.split(np.asarray(host, np.float64), ends), strict=True))

    def _weights(self) -> list[Any]:
        """The weights as they are. No copy: a step that changes one leaves this one behind."""
        read = self._tf.raw_ops.ReadVariableOp
        return [read(resource=one.handle, dtype=one.dtype) for one in self._places]

    def _wide(self, tensor: Any) -> Any:
        """A tensor without gaps, and in at least 32 bits."""
        dense = self._tf.convert_to_tensor(tensor)
        return self._tf.cast(dense, self._tf.float32) if dense.dtype.size < 4 else dense

    def _tensors(self, data: Any) -> Any:
        """Arrays as constant tensors, real numbers in the precision that Keras computes with."""
        tf, floatx = self._tf, self._keras.config.floatx()

        def tensor(array: Any) -> Any:
            constant = tf.convert_to_tensor(array)
            return tf.cast(constant, floatx) if constant.dtype.is_floating else constant

        return self._keras.tree.map_structure(tensor, data)


def _broken(weights: list[Any], sizes: Floats) -> Floats:
    """How many entries of each weight are NaN or infinite: looked at where its norm is not finite.

    Args:
        weights: Tensors of any shape.
        sizes: Their norms, shape (weights,).
    """
    counts = np.zeros(len(weights))
    for place in np.flatnonzero(~np.isfinite(sizes)):
        counts[place] = count_broken(np, _host([weights[place]]))[0]
    return counts


def _host(tensors: list[Any]) -> list[Any]:
    """Tensors of the CPU as numpy arrays on the same memory."""
    return [np.asarray(tensor) for tensor in tensors]


def _first_copy(model: Any, variable: Any) -> Any:
    """A variable, or its copy on the first of several devices."""
    return model.distribute_strategy.experimental_local_results(variable)[0]


def _one_optimizer(model: Any) -> Any:
    """The optimizer that trains; None without one, or where the model has others of its own."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    known = (model.optimizer, getattr(model.optimizer, "inner_optimizer", None))
    others = [
        one
        for one in vars(model).values()
        if isinstance(one, keras.optimizers.Optimizer) and not any(one is two for two in known)
    ]
    return None if others and has_own_step(model) else model.optimizer


def has_own_step(model: Any) -> bool:
    """Whether the model overrides how Keras trains on a batch."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    return type(model).train_step is not keras.Model.train_step


def _has_no_loss(model: Any) -> bool:
    """Whether nothing says what the loss is, as where a train_step of one's own computes it."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    inherited = type(model).compute_loss is keras.Model.compute_loss
    return model.loss is None and inherited and not model.losses
