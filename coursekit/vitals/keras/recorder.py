"""`KerasRecorder`: the vital signs of ``model.fit``, as the same `Record`. Loads no Keras yet."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from coursekit._optional import require
from coursekit.errors import BadInputError
from coursekit.records import Record
from coursekit.records.quantities import (
    PER_BOUNDED,
    PER_CLASS,
    PER_LAYER,
    PER_RELU,
    PER_WEIGHT_LAYER,
)
from coursekit.vitals.keras.data import checked, feature_stats, label_counts
from coursekit.vitals.keras.fitting import build, fits_data, has_call
from coursekit.vitals.keras.layers import Layers
from coursekit.vitals.keras.notes import (
    ANOTHER_FUNCTION,
    NO_CALL,
    NO_FUNCTION,
    NOT_BUILT,
    POSITIONS,
    SEVERAL_INPUTS,
    UNUSED_OPTIMIZER,
    note_on_hidden,
    notes_on,
    notes_on_frozen,
    notes_on_unfrozen,
)
from coursekit.vitals.keras.probe import Probe
from coursekit.vitals.keras.watch import Watched, moves_weights, stand_around, updates_of
from coursekit.vitals.ledger import Ledger
from coursekit.vitals.readings import Floats, Grouping, ratio
from coursekit.vitals.schedule import check_every, following


class KerasRecorder:
    """A callback that reads the vital signs of ``model.fit`` on a fixed probe batch.

    ``recorder = KerasRecorder(probe=(x[:64], y[:64]))``, then ``model.fit(x, y,
    callbacks=[recorder])``, then ``recorder.record``. Keras trains inside a
    compiled graph that cannot be looked into from outside, so the readings are not those of
    the training batches: before and after some steps the probe batch is passed through the
    model, in inference mode. That changes no weight, and random numbers that a layer draws in
    it are put back: the final weights are bit for bit those of a run without it (after
    ``keras.utils.set_random_seed``). Two exceptions are known: a model that is run eagerly, with
    an operation that has a seed of its own (``tf.random.normal(…, seed=1)``), and a model without
    an input shape whose ``call`` draws numbers from numpy.

    The quantities are those of `coursekit.record`, with the names of the Keras layers (a layer
    inside another as ``outer/inner``), but for ``train_mode``, which ``fit`` looks after, and
    ``data_time_s``: Keras fetches a batch inside the compiled step, so waiting for data is part
    of ``compute_time_s``. A layer counts as ReLU, or as bounded, by its class or by its
    ``activation``: functions that a layer's ``call`` uses (``keras.ops.relu``), and those of a
    ``Lambda``, are not seen. ``dead_fraction`` is the share of units that gave exactly 0 for
    every row of the probe: the rows stay the same, so it needs no window of batches.
    ``label_count`` is of the probe too, where the loss is a cross-entropy on classes.
    ``non_finite`` counts the entries of the weights too: an operation may hide them from the loss.

    Works with ``jit_compile``, ``run_eagerly``, ``steps_per_execution``, mixed precision, and a
    ``tf.distribute`` strategy (the weights of its first device are read). Only the TensorFlow
    backend of Keras is read. One recorder watches one model, compiled once; several calls of
    ``fit`` go on counting steps, and one ``fit`` may have several recorders. A loop of one's own
    around a ``GradientTape`` cannot be recorded, even if it calls the callbacks, nor can
    ``train_on_batch``. A model without an input shape is built by the probe where the data say
    that a row has the same shape, and otherwise by the first step, which is not read then.

    Args:
        probe: Inputs and labels of some rows, as ``fit`` gets them; a few dozen rows are enough.
        every: Read each step whose number is a multiple of this. By default every step at first
            and ever less often: see `coursekit.vitals.schedule.following`. Where the optimizer adds
            up gradients, the later readings wait for a step that moves the weights.

    Raises:
        BadInputError: The probe is not a pair of arrays of equal length.
        MissingPackageError: Keras or TensorFlow is not installed.
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
        self._features = feature_stats(self._x)
        self._classes: Floats | None = None
        self._ledger = Ledger(framework="keras", layers=())
        self._ledger.note("Nothing was recorded: fit has not begun.")
        self._probe: Probe | None = None
        self._grouping = Grouping(owners=[], layers=0)
        self._layers: Layers | None = None
        self._watched: Watched | None = None
        self._watched_parts: tuple[Any, ...] = ()
        self._blind = False  # whether nothing can be read of the model
        self._hidden = False  # whether weights were NaN in spite of a finite loss
        self._first = 0  # the step at which the epoch began, and the updates done by then
        self._updates: int | None = None

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
        self._traced = model.train_function is not None  # by an earlier fit, since compile

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras when fit begins."""
        model = self._fitted
        _check_backend()
        self._blind = not has_call(model)
        if self._blind:
            self._ledger = Ledger(framework="keras", layers=())
            self._ledger.note(NO_CALL)
        elif self._probe is None and model.built:
            self._begin(model)
        if self._watched_parts and not _same(_parts(model), self._watched_parts):
            raise BadInputError(
                "This KerasRecorder has watched another model, or this one before it was compiled "
                "or frozen anew. Make a new KerasRecorder for this fit."
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras before each epoch: stand around the function that makes a step.

        Not the batch hooks of a callback: where one has them, Keras turns its logs into numbers
        in every step, which costs more than all readings (benchmarks/keras_recording.py).
        """
        self._step_aside()
        if self._blind:
            return
        if self._layers is not None:
            for sentence in notes_on_unfrozen(self._layers, self._fitted.trainable_variables):
                self._ledger.note(sentence)
        self._batch, self._first = 0, self._step
        self._updates = updates_of(self._fitted.optimizer)
        self._watched = stand_around(self._fitted, self)
        if self._watched is None:
            self._ledger.note(NO_FUNCTION)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Called by Keras after each epoch."""
        watched, model = self._watched, self._fitted
        if watched is None:
            return
        replaced = watched.tells(self) and model.train_function is not watched
        self._step_aside()
        seen, after = self._step - self._first, updates_of(model.optimizer)
        done = None if after is None or self._updates is None else after - self._updates
        if replaced and done is not None and done > seen:
            self._ledger.note(ANOTHER_FUNCTION)
            self._step = self._first + done
        elif not seen:
            self._ledger.note(ANOTHER_FUNCTION if replaced else NO_FUNCTION)
        elif done == 0 and self._probe is not None and self._probe.optimizer is not None:
            self._ledger.note(UNUSED_OPTIMIZER)
        elif done is not None and 0 < seen - done < model.steps_per_execution:
            self._step = self._first + done  # the data ended within a group of steps

    def _watch(self, train: Callable[[Any], Any], iterator: Any) -> Any:
        """One step, or one group of ``steps_per_execution``, read if it is due."""
        if self._probe is None and self._can_build(iterator):
            self._begin(self._fitted)
        due = self._probe if self._is_due() else None
        if due is not None:
            due.before_step()
        logs = train(iterator)
        if due is not None and self._watched is not None:
            self._write(due, seconds=self._watched.seconds)
            self._next = following(self._step, every=self._every)
        self._count()
        if self._probe is None:
            self._begin(self._fitted)
            self._ledger.note(NOT_BUILT)
        return logs

    def _is_due(self) -> bool:
        """Whether this step is read.

        Where gradients are added up over some steps, and not each step is read any more, a
        reading waits for the step that moves the weights.
        """
        if self._step < self._next:
            return False
        waits = self._every is None and following(self._step) > self._step + 1
        return not waits or moves_weights(self._fitted.optimizer, self._fitted.steps_per_execution)

    def _can_build(self, iterator: Any) -> bool:
        """Whether the probe can build the model just as the training data would."""
        return not self._fitted.run_eagerly and fits_data(iterator, self._x)

    def _count(self) -> None:
        """Count the steps that were done."""
        # A group of steps may be longer than what is left of the epoch.
        steps = self._fitted.steps_per_execution
        left = (self.params.get("steps") or math.inf) - self._batch  # type: ignore[attr-defined]
        self._batch += steps
        self._step += int(max(1, min(steps, left)))

    def _step_aside(self) -> None:
        """Give the model its own function back."""
        if self._watched is not None:
            self._watched.leave(self)
            self._watched = None

    def _begin(self, model: Any) -> None:
        """Build the measuring graph and the columns."""
        if not model.built:
            build(model, self._x)
        layers = Layers(model, traced=self._traced)
        if not layers.owners:
            raise BadInputError(
                "The model has no trainable weights, so there is nothing to watch. "
                "Set layer.trainable = True before compiling."
            )
        probe = Probe(model, self._x, self._y, layers=layers)
        self._classes = label_counts(self._y, model)
        self._open(probe, layers)
        self._layers, self._probe, self._watched_parts = layers, probe, _parts(model)
        found = (*notes_on(model, probe), *notes_on_frozen(model, layers), *self._notes_on_data())
        for sentence in found:
            self._ledger.note(sentence)

    def _notes_on_data(self) -> list[str]:
        """The notes on what is not read, or cannot be told apart, in this probe."""
        several = not isinstance(self._x, np.ndarray)
        positions = self._classes is not None and self._classes.sum() > len(self._y)
        return [*([SEVERAL_INPUTS] if several else []), *([POSITIONS] if positions else [])]

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
        rates = () if probe.optimizer is None else ("learning_rate",)
        self._ledger.open(("loss", *rates, "non_finite"))
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
        names = [one for one in ("loss", "learning_rate", "amp_scale") if one in self._ledger]
        for name, number in zip(names, sent["numbers"], strict=True):
            add(name, step, float(number))
        broken = sent["broken weights"]
        add("non_finite", step, float(sent["non-finite"][0] + broken.sum()))
        if broken.any() and np.isfinite(sent["numbers"][0]):
            self._note_hidden(broken)
        add("compute_time_s", step, seconds)
        size, moved = self._grouping.norm(sent["weights"]), self._grouping.norm(sent["moved"])
        add("gradient_norm", step, self._grouping.norm(sent["gradients"], present=probe.present))
        add("weight_norm", step, size)
        add("update_ratio", step, ratio(moved, size))
        self._write_outputs(probe, sent)

    def _note_hidden(self, broken: Floats) -> None:
        """Say once which layers hold NaN though the loss is finite.

        Args:
            broken: How many entries of each weight are NaN or infinite, shape (weights,).
        """
        if not self._hidden:
            self._hidden = True
            owners, counts = self._ledger.labels("weight_norm"), self._grouping.norm(broken)
            names = [name for name, count in zip(owners, counts, strict=True) if count]
            self._ledger.note(note_on_hidden(names))

    def _write_outputs(self, probe: Probe, sent: dict[str, Floats]) -> None:
        """What the layers gave for the probe, and what the probe is."""
        step, add, reads = self._step, self._ledger.add, probe.reads
        if reads.layers:
            add("activation_mean", step, sent["means"])
            add("activation_std", step, sent["stds"])
        if reads.relus:
            peaks = [sent[f"peaks of {layer}"] for layer in reads.relus]
            add("dead_fraction", step, np.array([np.mean(one == 0) for one in peaks]))
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
    # TensorFlow first: without it, Keras itself cannot be imported, and says so in other words.
    require("tensorflow", extra="keras", purpose="Recordings of Keras")
    keras = require("keras", extra="keras", purpose="Recordings of Keras")
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


def _same(parts: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether these are the very same objects."""
    return list(map(id, parts)) == list(map(id, others))
