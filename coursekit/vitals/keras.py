"""`KerasRecorder`: the vital signs of ``model.fit``, as the same `Record`. Loads no Keras yet."""

import functools
from typing import Any, Self

import numpy as np

from coursekit._optional import require
from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.vitals.ledger import PER_LAYER, PER_RELU, PER_WEIGHT_LAYER, Ledger
from coursekit.vitals.probe import Probe
from coursekit.vitals.readings import DeadUnits, Floats, Grouping, ratio
from coursekit.vitals.schedule import check_every, following

MOST_FEATURES = 512


class KerasRecorder:
    """A callback that reads the vital signs of ``model.fit`` on a fixed probe batch.

    ``model.fit(x, y, callbacks=[recorder])``, then ``recorder.record``. Keras trains inside a
    compiled graph that cannot be looked into from outside, so the readings are not those of
    the training batches: before and after some steps the probe batch is passed through the
    model, in inference mode. That draws no random number and changes no weight: the final
    weights are bit for bit those of a run without it (after ``keras.utils.set_random_seed``).

    The quantities are those of `coursekit.record`, with the names of the Keras layers, but for
    ``train_mode``, which ``fit`` looks after. A layer counts as ReLU by its class or by its
    ``activation``. ``dead_fraction`` is the share of units that gave exactly 0 for every row of
    the probe: the rows stay the same, so it needs no window of batches.

    Only the TensorFlow backend of Keras on one device is read. One recorder watches one model,
    compiled once; several calls of ``fit`` go on counting steps.

    Args:
        probe: Inputs and labels of some rows, as ``fit`` gets them; a few dozen rows are enough.
        every: Read each step whose number is a multiple of this. By default every step at first
            and ever less often: see `coursekit.vitals.schedule.following`.

    Raises:
        BadInputError: The probe is not a pair of arrays of equal length.
        MissingPackageError: Keras is not installed.
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Join this class with Keras's own Callback, which can be imported only now."""
        joined: type[Self] = _joined_with_keras(cls)  # type: ignore[arg-type]  # a class can be hashed
        return super().__new__(joined)

    def __init__(self, probe: tuple[Any, Any], *, every: int | None = None) -> None:
        super().__init__()
        self._x, self._y = _checked(probe)
        self._every = check_every(every)
        self._step = 0
        self._next = 0
        self._first_batch = 0
        self._dead = DeadUnits(window=1)
        self._features = _feature_stats(self._x)
        self._ledger = Ledger(framework="keras", layers=())
        self._ledger.note("Nothing was recorded: fit has not begun.")
        self._probe: Probe | None = None
        self._grouping = Grouping(owners=[], layers=0)
        self._watched: tuple[Any, ...] = ()

    @property
    def record(self) -> Record:
        """What has been read so far."""
        return self._ledger.record()

    @property
    def step(self) -> int:
        """Optimizer steps done so far."""
        return self._step

    def log(self, name: str, value: float, *, unit: str = "") -> None:
        """Add a number of your own at the current step; see `coursekit.vitals.torch.Vitals.log`."""
        self._ledger.log(name, self._step, value, unit=unit)

    def set_model(self, model: Any) -> None:
        """Called by Keras: the model that is about to be trained."""
        super().set_model(model)  # type: ignore[misc]
        self._fitted = model

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras when fit begins, the model built."""
        model = self._fitted
        if self._probe is None:
            self._begin(model)
            self._watched = _parts(model)
        if list(map(id, _parts(model))) != list(map(id, self._watched)):
            raise BadInputError(
                "This KerasRecorder has watched another model, or this one before it was compiled "
                "or frozen anew. Make a new KerasRecorder for this fit."
            )

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras before each step, or each group of ``steps_per_execution``."""
        self._first_batch = batch
        if self._step >= self._next and self._probe is not None:
            self._probe.before_step()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras after the step or group."""
        if self._step >= self._next and self._probe is not None:
            self._write(self._probe)
            self._next = following(self._step, every=self._every)
        self._step += batch - self._first_batch + 1

    def _begin(self, model: Any) -> None:
        """Build the measuring graphs and the columns."""
        _check_model(model)
        self._probe = probe = Probe(model, self._x, self._y)
        if not probe.owners:
            raise BadInputError(
                "The model has no trainable weights, so there is nothing to watch. "
                "Set layer.trainable = True before compiling."
            )
        layers = tuple(dict.fromkeys(probe.owners))
        self._grouping = Grouping(
            owners=[layers.index(o) for o in probe.owners], layers=len(layers)
        )
        watched = {*layers, *probe.layers}
        self._ledger = Ledger(
            framework="keras", layers=[one.name for one in model.layers if one.name in watched]
        )
        self._ledger.open(("loss", "learning_rate", "non_finite"))
        self._ledger.open(PER_WEIGHT_LAYER, labels=layers)
        self._ledger.open(PER_LAYER, labels=probe.layers)
        self._ledger.open(PER_RELU, labels=probe.relus)
        self._add_notes(model, probe)

    def _add_notes(self, model: Any, probe: Probe) -> None:
        """Say what the readings are of, and what they miss."""
        self._ledger.note(
            "Readings are of the probe batch in inference mode (dropout off, BatchNorm with its "
            "moving averages), not of the training batches."
        )
        for sentence in probe.notes:
            self._ledger.note(sentence)
        if not probe.relus:
            self._ledger.note("No ReLU layer was seen: dead units were not measured.")
        if model.steps_per_execution > 1:
            self._ledger.note(
                f"steps_per_execution is {model.steps_per_execution}: an update is that of so many "
                "steps together."
            )

    def _write(self, probe: Probe) -> None:
        """Write one reading into the ledger."""
        sent, step, add = probe.after_step(), self._step, self._ledger.add
        add("loss", step, float(sent["loss"][0]))
        add("learning_rate", step, float(sent["learning rate"][0]))
        add("non_finite", step, float(sent["non-finite"][0]))
        size, moved = self._grouping.norm(sent["weights"]), self._grouping.norm(sent["moved"])
        add("gradient_norm", step, self._grouping.norm(sent["gradients"], present=probe.present))
        add("weight_norm", step, size)
        add("update_ratio", step, ratio(moved, size))
        if probe.layers:
            add("activation_mean", step, sent["means"])
            add("activation_std", step, sent["stds"])
        for layer in probe.relus:
            self._dead.add(layer, sent[f"peaks of {layer}"])
        if probe.relus:
            add("dead_fraction", step, np.array([self._dead.share(one) for one in probe.relus]))
        if self._features:
            self._ledger.features(step, *self._features)


@functools.cache
def _joined_with_keras(cls: type) -> Any:
    """The class with ``keras.callbacks.Callback`` as a base."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    require("tensorflow", extra="keras", purpose="Recordings of Keras")
    return type("KerasRecorder", (cls, keras.callbacks.Callback), {"__module__": __name__})


def _checked(probe: Any) -> tuple[Any, Any]:
    """The probe, if it is a pair of arrays with as many rows each."""
    wanted = "Pass a few rows of what model.fit gets: KerasRecorder(probe=(x[:64], y[:64]))."
    if not isinstance(probe, tuple | list) or len(probe) != 2:
        raise BadInputError(f"The probe is a {type(probe).__name__}, not a pair. {wanted}")
    x, y = probe
    if isinstance(x, dict | list | tuple) or isinstance(y, dict | list | tuple):
        return x, y  # several inputs or outputs: Keras checks them
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or not len(x):
        raise BadInputError(
            f"The probe has inputs of shape {x.shape} and labels of shape {y.shape}; both need "
            f"the same number of rows, at least one. {wanted}"
        )
    if x.dtype.kind not in "biuf":
        raise BadInputError(f"The probe's inputs are of type {x.dtype}, not numbers. {wanted}")
    return x, y


def _check_model(model: Any) -> None:
    """Refuse a model that cannot be read."""
    backend = require("keras", extra="keras", purpose="Recordings of Keras").backend.backend()
    if backend != "tensorflow":
        raise BadInputError(
            f"Keras runs on {backend!r} here; KerasRecorder reads the TensorFlow backend. Set the "
            "environment variable KERAS_BACKEND=tensorflow before importing keras."
        )
    if model.distribute_strategy.num_replicas_in_sync > 1:
        raise BadInputError(
            "The model trains on several devices at once; KerasRecorder reads one. "
            "Build the model outside of strategy.scope() to record it."
        )


def _parts(model: Any) -> tuple[Any, ...]:
    """What stays the same while a model is neither replaced, compiled nor frozen anew."""
    return (model, model.optimizer, *model.trainable_variables)


def _feature_stats(x: Any) -> tuple[Floats, Floats] | None:
    """Mean and standard deviation of each column of a table of real numbers, else None."""
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[1] > MOST_FEATURES:
        return None
    return x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
