"""One measurement of a Keras model on a fixed batch: two graphs, compiled once, one transfer."""

from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit._optional import require
from coursekit.errors import BadInputError
from coursekit.vitals.readings import Floats


class Probe:
    """Measures a compiled Keras model on a batch that does not change.

    The batch passes in inference mode, so no random number is drawn and no layer changes.

    Attributes:
        owners: Layer names that own trainable weights, one entry per weight.
        present: Which weights have a gradient, shape (weights,).
        layers: Names of the layers whose output is read.
        relus: Those of them whose output is that of a ReLU.
        notes: What cannot be seen of this model, one sentence each.
    """

    def __init__(self, model: Any, x: Any, y: Any) -> None:
        self._tf = require("tensorflow", extra="keras", purpose="Recordings of Keras")
        self._keras = require("keras", extra="keras", purpose="Recordings of Keras")
        self._model = model
        self._batch = (self._tensors(x), self._tensors(y))
        if not model.built:  # Keras would do the same at the first step, with the same numbers
            model(self._batch[0], training=False)
        self._variables = list(model.trainable_variables)
        self.owners = _owners(model)
        self.notes: list[str] = []
        readable = self._readable()
        self._outputs = self._with_outputs(readable)
        self.layers = tuple(layer.name for layer in readable) if self._outputs else ()
        self.relus = tuple(layer.name for layer in readable if self._is_relu(layer))
        self._sizes: dict[str, int] = {}
        self.present: npt.NDArray[np.bool_] = np.ones(len(self._variables), dtype=np.bool_)
        self._before = self._tf.function(self._measure_before)
        self._after = self._tf.function(self._measure_after)
        self._kept: Any = None

    def before_step(self) -> None:
        """Measure at the weights as they are, and keep them; nothing crosses to the host yet.

        Raises:
            BadInputError: The batch does not fit the model or its loss.
        """
        try:
            self._kept = self._before(*self._batch)
        except (ValueError, TypeError, self._tf.errors.OpError) as error:
            raise BadInputError(
                f"The probe batch cannot be measured with this model: {error} Pass a few rows of "
                "what model.fit gets: KerasRecorder(probe=(x_train[:64], y_train[:64]))."
            ) from error

    def after_step(self) -> dict[str, Floats]:
        """Measure how far the weights moved, and send all of it: name to array."""
        host = self._after(*self._kept).numpy()
        sizes = {**self._sizes, "moved": len(self._variables)}
        return dict(zip(sizes, np.split(host, np.cumsum(list(sizes.values()))[:-1]), strict=True))

    def _measure_before(self, x: Any, y: Any) -> Any:
        """What is measured before the step, as one flat tensor; and the weights."""
        tf = self._tf
        with tf.GradientTape() as tape:
            outputs, prediction = self._forward(x)
            loss = self._model.compute_loss(x=x, y=y, y_pred=prediction, training=False)
        slopes = tape.gradient(loss, self._variables)
        self.present = np.array([slope is not None for slope in slopes])
        gradients = [tf.convert_to_tensor(slope) for slope in slopes if slope is not None]
        weights = [tf.convert_to_tensor(variable) for variable in self._variables]
        broken = [tf.math.count_nonzero(~tf.math.is_finite(g)) for g in [loss, *gradients]]
        parts = {
            "loss": [loss],
            "learning rate": [self._model.optimizer.learning_rate],
            "non-finite": [tf.add_n(broken)],
            "gradients": [tf.norm(gradient) for gradient in gradients],
            "weights": [tf.norm(weight) for weight in weights],
        }
        return self._flat({**parts, **self._layer_parts(outputs)}), weights

    def _layer_parts(self, outputs: dict[str, Any]) -> dict[str, list[Any]]:
        """Moments of the output of each layer; of a ReLU the peak of each unit too."""
        tf = self._tf
        wide = {layer: tf.cast(outputs[layer], tf.float32) for layer in self.layers}
        peaks = {
            f"peaks of {layer}": [
                tf.reduce_max(wide[layer], axis=list(range(wide[layer].shape.rank - 1)))
            ]
            for layer in self.relus
        }
        means = [tf.reduce_mean(output) for output in wide.values()]
        stds = [tf.math.reduce_std(output) for output in wide.values()]
        return {"means": means, "stds": stds, **peaks}

    def _measure_after(self, flat: Any, before: list[Any]) -> Any:
        """The flat tensor with the norms of what the step changed at its end."""
        tf = self._tf
        now = [tf.convert_to_tensor(variable) for variable in self._variables]
        moved = [tf.norm(after - w) for after, w in zip(now, before, strict=True)]
        return tf.concat([flat, tf.stack([tf.cast(m, flat.dtype) for m in moved])], axis=0)

    def _forward(self, x: Any) -> tuple[dict[str, Any], Any]:
        """The outputs of the layers that are read, and the prediction."""
        if self._outputs is None:
            return {}, self._model(x, training=False)
        both = self._outputs(x, training=False)
        return both["layers"], both["prediction"]

    def _flat(self, parts: dict[str, list[Any]]) -> Any:
        """All parts end to end; their sizes are kept while the graph is traced."""
        tf = self._tf
        vectors = {
            name: tf.concat([tf.reshape(tf.cast(v, tf.float64), [-1]) for v in values], axis=0)
            for name, values in parts.items()
            if values
        }
        self._sizes = {name: int(vector.shape[0]) for name, vector in vectors.items()}
        return tf.concat(list(vectors.values()), axis=0)

    def _readable(self) -> list[Any]:
        """The layers that have one output of real numbers in the model's graph."""
        keras = self._keras
        if not isinstance(self._model, keras.Sequential) and not hasattr(self._model, "input"):
            self.notes.append("The model is a subclass of keras.Model: its layers' outputs are "
                              "not seen.")  # fmt: skip
            return []
        layers = [one for one in self._model.layers if not isinstance(one, keras.layers.InputLayer)]
        nested = [layer.name for layer in layers if isinstance(layer, keras.Model)]
        if nested:
            self.notes.append(f"Models inside the model are not looked into: {', '.join(nested)}.")
        return [layer for layer in layers if _has_real_output(layer) and layer.name not in nested]

    def _with_outputs(self, layers: list[Any]) -> Any:
        """The same layers as a model that also returns their outputs; None if there is none."""
        if not layers:
            return None
        plain = isinstance(self._model, self._keras.Sequential)
        start = self._model.inputs[0] if plain else self._model.input
        end = self._model.outputs[0] if plain else self._model.output
        both = {"layers": {layer.name: layer.output for layer in layers}, "prediction": end}
        try:
            # The name is given so that Keras does not count up the names of later models.
            return self._keras.Model(start, both, name="coursekit_probe")
        except ValueError:  # a layer that is shared with another model was first called there
            self.notes.append("A layer is shared with another model: outputs are not seen.")
            return None

    def _tensors(self, data: Any) -> Any:
        """Arrays as constant tensors, real numbers in the precision that Keras computes with."""
        tf, floatx = self._tf, self._keras.config.floatx()

        def tensor(array: Any) -> Any:
            constant = tf.convert_to_tensor(array)
            return tf.cast(constant, floatx) if constant.dtype.is_floating else constant

        return self._keras.tree.map_structure(tensor, data)

    def _is_relu(self, layer: Any) -> bool:
        """Whether a layer's output is never below 0, and is exactly 0 where a unit is off."""
        keras = self._keras
        if isinstance(layer, keras.layers.ReLU):
            return not layer.negative_slope and not layer.threshold
        return getattr(layer, "activation", None) in (
            keras.activations.relu,
            keras.activations.relu6,
        )


def _has_real_output(layer: Any) -> bool:
    """Whether the layer has one output, and that of real numbers."""
    output = getattr(layer, "output", None)
    return "float" in str(getattr(output, "dtype", ""))


def _owners(model: Any) -> list[str]:
    """For each trainable weight of the model, the name of its layer."""
    names = {id(v): layer.name for layer in model.layers for v in layer.trainable_variables}
    return [names.get(id(variable), model.name) for variable in model.trainable_variables]
