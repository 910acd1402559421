"""`KerasRecorder`: the vital signs of ``model.fit``, as the same `Record`. Loads no Keras yet."""

import functools
import inspect
import math
import sys
from time import perf_counter
from typing import Any, Self

import numpy as np

from coursekit._optional import require
from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.vitals.keras.data import checked, feature_stats, label_counts
from coursekit.vitals.keras.layers import Layers
from coursekit.vitals.keras.notes import notes_on
from coursekit.vitals.keras.probe import Probe
from coursekit.vitals.ledger import (
    PER_BOUNDED,
    PER_CLASS,
    PER_LAYER,
    PER_RELU,
    PER_WEIGHT_LAYER,
    Ledger,
)
from coursekit.vitals.readings import DeadUnits, Floats, Grouping, ratio
from coursekit.vitals.schedule import check_every, following


class KerasRecorder:
    """A callback that reads the vital signs of ``model.fit`` on a fixed probe batch.

    ``model.fit(x, y, callbacks=[recorder])``, then ``recorder.record``. Keras trains inside a
    compiled graph that cannot be looked into from outside, so the readings are not those of
    the training batches: before and after some steps the probe batch is passed through the
    model, in inference mode. That draws no random number and changes no weight: the final
    weights are bit for bit those of a run without it (after ``keras.utils.set_random_seed``).

    The quantities are those of `coursekit.record`, with the names of the Keras layers (a layer
    inside another as ``outer/inner``), but for ``train_mode``, which ``fit`` looks after, and
    ``data_time_s``: Keras fetches a batch inside the compiled step, so waiting for data is part
    of ``compute_time_s``. A layer counts as ReLU, or as bounded, by its class or by its
    ``activation``. ``dead_fraction`` is the share of units that gave exactly 0 for every row of
    the probe: the rows stay the same, so it needs no window of batches. ``label_count`` is of
    the probe too, where the loss is a cross-entropy on classes.

    Works with ``jit_compile``, ``run_eagerly``, ``steps_per_execution``, mixed precision, and a
    ``tf.distribute`` strategy (the weights of its first device are read). Only the TensorFlow
    backend of Keras is read. One recorder watches one model, compiled once; several calls of
    ``fit`` go on counting steps.

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
        self._x, self._y = checked(probe)
        self._every = check_every(every)
        self._step = 0
        self._next = 0
        self._batch = 0
        self._plain: Any = None
        self._dead = DeadUnits(window=1)
        self._features = feature_stats(self._x)
        self._classes: Floats | None = None
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

    def note(self, sentence: str) -> None:
        """Add a sentence of your own to ``record.notes``."""
        self._ledger.note(sentence)

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

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras before each epoch: stand around the function that makes a step.

        Not the batch hooks of a callback: where one has them, Keras turns its logs into numbers
        in every step, which costs more than all readings (benchmarks/keras_recording.py).
        """
        self._batch = 0
        self._step_aside()
        plain = self._fitted.train_function

        def watched(iterator: Any) -> Any:
            try:
                return self._watch(plain, iterator)
            except BaseException:  # the data have ended, or fit does: on_epoch_end may not come
                self._step_aside()
                raise

        self._plain, self._fitted.train_function = plain, watched

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras after each epoch."""
        self._step_aside()

    def _step_aside(self) -> None:
        """Give the model its own function back."""
        if self._plain is not None:
            self._fitted.train_function, self._plain = self._plain, None

    def _is_wanted(self) -> bool:
        """Whether the fit that runs has this callback.

        A fit that another callback broke off could not give the model its own function back; its
        caller, which is fit itself, knows its callbacks.
        """
        callbacks = sys._getframe(3).f_locals.get("callbacks")
        return self in getattr(callbacks, "callbacks", [self])

    def _watch(self, train: Any, iterator: Any) -> Any:
        """One step, or one group of ``steps_per_execution``, read if it is due."""
        due = self._step >= self._next and self._probe is not None
        if due and not self._is_wanted():
            self._step_aside()
            return train(iterator)
        if due and self._probe is not None:
            self._probe.before_step()
        began_s = perf_counter()
        logs = train(iterator)
        if due and self._probe is not None:
            self._write(self._probe, seconds=perf_counter() - began_s)
            self._next = following(self._step, every=self._every)
        # A group of steps may be longer than what is left of the epoch.
        steps = self._fitted.steps_per_execution
        left = (self.params.get("steps") or math.inf) - self._batch  # type: ignore[attr-defined]
        self._batch += steps
        self._step += int(max(1, min(steps, left)))
        return logs

    def _begin(self, model: Any) -> None:
        """Build the measuring graph and the columns."""
        _check_backend()
        if not model.built:  # Keras would do the same at the first step, with the same numbers
            model(self._x, training=False)
        layers = Layers(model)
        if not layers.owners:
            raise BadInputError(
                "The model has no trainable weights, so there is nothing to watch. "
                "Set layer.trainable = True before compiling."
            )
        self._probe = Probe(model, self._x, self._y, layers=layers)
        self._classes = label_counts(self._y, model)
        self._open(self._probe, layers)
        for sentence in notes_on(model, self._probe):
            self._ledger.note(sentence)

    def _open(self, probe: Probe, layers: Layers) -> None:
        """Make the columns."""
        owners = tuple(dict.fromkeys(layers.owners))
        number = {name: position for position, name in enumerate(owners)}
        self._grouping = Grouping(
            owners=[number[owner] for owner in layers.owners], layers=len(owners)
        )
        watched = {*owners, *probe.reads.layers}
        names = [name for name in layers.named if name in watched]
        names += [name for name in owners if name not in names]  # weights of the model itself
        self._ledger = Ledger(framework="keras", layers=names)
        self._ledger.open(("loss", "learning_rate", "non_finite"))
        self._ledger.open(("compute_time_s",), unit="s")
        self._ledger.open(("amp_scale",), labels=None if probe.scaled else ())
        self._ledger.open(PER_WEIGHT_LAYER, labels=owners)
        self._ledger.open(PER_LAYER, labels=probe.reads.layers)
        self._ledger.open(PER_RELU, labels=tuple(probe.reads.relus))
        self._ledger.open(PER_BOUNDED, labels=tuple(probe.reads.bounded))
        classes = 0 if self._classes is None else len(self._classes)
        self._ledger.open(PER_CLASS, labels=[str(one) for one in range(classes)])

    def _write(self, probe: Probe, *, seconds: float) -> None:
        """Write one reading into the ledger."""
        sent, step, add = probe.after_step(), self._step, self._ledger.add
        for name, number in zip(
            ("loss", "learning_rate", "amp_scale"), sent["numbers"], strict=False
        ):
            add(name, step, float(number))
        add("non_finite", step, float(sent["non-finite"][0]))
        add("compute_time_s", step, seconds)
        size, moved = self._grouping.norm(sent["weights"]), self._grouping.norm(sent["moved"])
        add("gradient_norm", step, self._grouping.norm(sent["gradients"], present=probe.present))
        add("weight_norm", step, size)
        add("update_ratio", step, ratio(moved, size))
        self._write_outputs(probe, sent)

    def _write_outputs(self, probe: Probe, sent: dict[str, Floats]) -> None:
        """What the layers gave for the probe, and what the probe is."""
        step, add, reads = self._step, self._ledger.add, probe.reads
        if reads.layers:
            add("activation_mean", step, sent["means"])
            add("activation_std", step, sent["stds"])
        for layer in reads.relus:
            self._dead.add(layer, sent[f"peaks of {layer}"])
        if reads.relus:
            add(
                "dead_fraction",
                step,
                np.array([self._dead.share(one) for one in reads.relus]),
            )
        if reads.bounded:
            add("saturated_fraction", step, sent["saturated"])
        if self._features:
            self._ledger.features(step, *self._features)
        if self._classes is not None:
            add("label_count", step, self._classes)


# What help() and Jupyter show: __new__ takes anything, so that a subclass may have other arguments.
_SIGNATURE = inspect.signature(functools.partial(KerasRecorder.__init__, None))  # type: ignore[arg-type]
KerasRecorder.__signature__ = _SIGNATURE  # type: ignore[attr-defined]


@functools.cache
def _joined_with_keras(cls: type) -> Any:
    """The class with ``keras.callbacks.Callback`` as a base."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    require("tensorflow", extra="keras", purpose="Recordings of Keras")
    return type("KerasRecorder", (cls, keras.callbacks.Callback), {"__module__": __name__})


def _check_backend() -> None:
    """Refuse a backend that cannot be read."""
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise BadInputError(
            f"Keras runs on {backend!r} here; KerasRecorder reads the TensorFlow backend. Set the "
            "environment variable KERAS_BACKEND=tensorflow before importing keras."
        )


def _parts(model: Any) -> tuple[Any, ...]:
    """What stays the same while a model is neither replaced, compiled nor frozen anew."""
    return (model, model.optimizer, *model.trainable_variables)
