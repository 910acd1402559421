"""`KerasRecorder` where a fit is unusual: training goes on as without it, and a note says so."""

import os
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from coursekit.errors import BadInputError
from coursekit.vitals.keras import KerasRecorder
from coursekit.vitals.keras.watch import Watched

tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")


RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 5)).astype("float32")
Y = RNG.integers(0, 3, 20)
PROBE = X[:8], Y[:8]


def network(keras: ModuleType, *, width: int | None = 5, **compiling: Any) -> Any:
    """Two layers, ``body`` and ``head``; without an input shape where `width` is None."""
    layers = keras.layers
    model = keras.Sequential(
        [
            *([] if width is None else [keras.Input((width,))]),
            layers.Dense(4, activation="relu", name="body"),
            layers.Dense(3, name="head"),
        ]
    )
    model.compile(**({"optimizer": "sgd", "loss": sparse(keras)} | compiling))
    return model


def sparse(keras: ModuleType) -> Any:
    """A cross-entropy on class numbers."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(model: Any, *callbacks: Any, epochs: int = 1, x: Any = X, y: Any = Y) -> None:
    """Train in five steps an epoch."""
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, callbacks=list(callbacks))


def weights_after(keras: ModuleType, train: Callable[[list[Any]], Any], *recorders: Any) -> Any:
    """The final weights of a training from one seed."""
    keras.utils.set_random_seed(0)
    return train(list(recorders)).get_weights()


def check_same(
    keras: ModuleType, train: Callable[[list[Any]], Any], probe: Any = PROBE
) -> KerasRecorder:
    """Train with and without a recorder: bit for bit the same. The recorder."""
    recorder = KerasRecorder(probe=probe, every=1)
    plain, watched = weights_after(keras, train), weights_after(keras, train, recorder)
    assert all(np.array_equal(a, b) for a, b in zip(plain, watched, strict=True))
    return recorder


def notes(recorder: KerasRecorder) -> str:
    """All notes of its record."""
    return " ".join(recorder.record.notes)


def test_a_train_function_that_another_callback_makes_stays(keras: ModuleType) -> None:
    """The way in which Keras has a layer unfrozen within a fit."""

    class Unfreeze(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.layers[0].trainable = True
                self.model.make_train_function(force=True)

    def train(recorders: list[Any]) -> Any:
        model = network(keras)
        model.layers[0].trainable = False
        model.compile(optimizer="sgd", loss=sparse(keras))
        model.optimizer.build(model.variables)
        fit(model, *recorders, Unfreeze(), epochs=4)
        assert not isinstance(model.train_function, Watched)
        return model

    recorder = check_same(keras, train)
    assert recorder.record["loss"].steps.tolist() == [*range(5), *range(10, 20)]
    assert "another callback made a new train function" in notes(recorder)
    assert "Layer 'body' became trainable after" in notes(recorder)


def test_two_recorders_in_one_fit(keras: ModuleType) -> None:
    """Each has its own probe; the model gets its function back in whatever order they leave."""
    second = KerasRecorder(probe=(X[8:16], Y[8:16]), every=1)

    def train(recorders: list[Any]) -> Any:
        model = network(keras)
        fit(model, *recorders, *([second] if recorders else []), epochs=2)
        assert not isinstance(model.train_function, Watched)
        fit(model)  # not seen by either
        return model

    first = check_same(keras, train)
    for recorder in (first, second):
        assert recorder.record["loss"].steps.tolist() == list(range(10))
    assert first.record["loss"].values[0] != second.record["loss"].values[0]


def test_a_loop_of_ones_own_that_calls_the_callbacks(keras: ModuleType) -> None:
    """Nothing is read, a note says so, and the model can be fitted."""
    model = network(keras)
    recorder = KerasRecorder(probe=PROBE)
    callbacks = keras.callbacks.CallbackList([recorder], model=model)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    callbacks.on_epoch_end(0)
    assert "A loop of one's own cannot be recorded" in notes(recorder)
    fit(model)
    callbacks.on_epoch_begin(1)  # with a train function by now, which the loop does not call
    callbacks.on_epoch_end(1)
    assert recorder.step == 0
    assert not isinstance(model.train_function, Watched)


def test_a_loss_that_only_a_layer_adds(keras: ModuleType) -> None:
    """``add_loss`` is known after a pass only."""

    class Distance(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, both: Any) -> Any:
            self.add_loss(keras.ops.mean((both[0] - both[1]) ** 2))
            return both[1]

    inputs = keras.Input((5,))
    outputs = keras.layers.Dense(5, name="out")(inputs)
    model = keras.Model(inputs, Distance()([inputs, outputs]))
    model.compile(optimizer="sgd")
    kernel, bias = model.get_layer("out").get_weights()
    recorder = KerasRecorder(probe=(X, X))
    model.fit(X, verbose=0, callbacks=[recorder])
    expected = ((X - X @ kernel - bias) ** 2).mean()
    assert recorder.record["loss"].values[0] == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(recorder.record["gradient_norm"].values).all()
    assert "without a loss" not in notes(recorder)


def test_a_layer_frozen_without_compiling(keras: ModuleType) -> None:
    """Keras goes on training it: it has its columns, and a note."""

    def train(recorders: list[Any]) -> Any:
        model = network(keras)
        fit(model)
        model.get_layer("body").trainable = False
        before = model.get_layer("body").get_weights()[0]
        fit(model, *recorders)
        assert (model.get_layer("body").get_weights()[0] != before).any()
        return model

    recorder = check_same(keras, train)
    run = recorder.record
    assert run["update_ratio"].labels == run["gradient_norm"].labels == ("body", "head")
    assert (run["update_ratio"].values > 0).all()
    assert (run["gradient_norm"].values > 0).all()
    assert "Layer 'body' is marked as frozen, but was not" in notes(recorder)


def test_a_layer_unfrozen_without_compiling(keras: ModuleType) -> None:
    """Keras does not train it: its column says so, and a note."""
    model = network(keras)
    model.get_layer("body").trainable = False
    model.compile(optimizer="sgd", loss=sparse(keras))
    fit(model)
    model.get_layer("body").trainable = True
    recorder = KerasRecorder(probe=PROBE)
    fit(model, recorder)
    assert (recorder.record["update_ratio"].of("body") == 0).all()
    assert "Layer 'body' is marked as trainable, but was not" in notes(recorder)


@pytest.mark.parametrize("probe", [(X[:8, :3], Y[:8]), (X[:8, :, None], Y[:8])])
def test_a_misfit_probe_does_not_build_the_model(keras: ModuleType, probe: Any) -> None:
    """Refused before it is built, so that it can be fitted afterwards."""
    model = network(keras, width=None)
    with pytest.raises(BadInputError, match=r"A row of the probe has shape .*\(5,\)"):
        fit(model, KerasRecorder(probe=probe))
    assert not model.built
    fit(model)


def batches() -> Any:
    """The rows in fours, from a generator that does not say how many there are."""
    yield from ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 20, 4))


ends_by_itself = pytest.mark.filterwarnings("ignore:Your input ran out of data")


@ends_by_itself
def test_data_that_do_not_say_their_shape(keras: ModuleType) -> None:
    """The first step builds the model, and is not read."""
    shapes = (tf.TensorSpec(None), tf.TensorSpec(None, tf.int64))

    def train(recorders: list[Any]) -> Any:
        model = network(keras, width=None, run_eagerly=True)  # in a graph, Keras itself cannot
        data = tf.data.Dataset.from_generator(batches, output_signature=shapes)
        model.fit(data, verbose=0, callbacks=recorders, shuffle=False)
        return model

    recorder = check_same(keras, train)
    assert recorder.record["loss"].steps.tolist() == [1, 2, 3, 4]
    assert "The first step was not read" in notes(recorder)


def own_step(keras: ModuleType, optimizer: Any) -> Any:
    """A model that trains with an optimizer that compile was not told of."""

    class Own(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.only = keras.layers.Dense(3, name="only")

        def call(self, x: Any) -> Any:
            return self.only(x)

        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                loss = sparse(keras)(y, self(x))
            slopes = tape.gradient(loss, self.trainable_variables)
            used = self.mine if hasattr(self, "mine") else optimizer
            used.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
            return {"loss": loss}

    return Own()


@pytest.mark.parametrize(
    ("compiling", "tracked", "says"),
    [
        ({"optimizer": None}, False, "compiled without an optimizer"),
        ({}, True, "optimizers of its own: the learning rate was not read"),
        ({}, False, "learning_rate is not that of the training"),
    ],
    ids=["none", "an attribute", "elsewhere"],
)
def test_an_optimizer_that_compile_was_not_told_of(
    keras: ModuleType, compiling: dict[str, Any], tracked: bool, says: str
) -> None:
    """Its learning rate is not read, or a note says that the one that is was not used."""

    def train(recorders: list[Any]) -> Any:
        optimizer = keras.optimizers.SGD(0.5)
        model = own_step(keras, optimizer)
        if tracked:
            model.mine = optimizer
        model.compile(**compiling)
        fit(model, *recorders)
        return model

    recorder = check_same(keras, train)
    assert says in notes(recorder)
    assert (recorder.record["update_ratio"].values > 0).all()
    assert ("learning_rate" in recorder.record) is ("not that of" in says)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_step_of_ones_own_is_told_to_scale_the_loss(keras: ModuleType, policy: str) -> None:
    """Where the optimizer scales it, as compile makes it do under mixed_float16."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = own_step(keras, None)
    finally:
        keras.config.set_dtype_policy(before)
    optimizer = keras.optimizers.SGD(0.5)
    if policy == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer=optimizer)
    model.mine = model.optimizer
    recorder = KerasRecorder(probe=PROBE)
    fit(model, recorder)
    assert ("call optimizer.scale_loss(loss)" in notes(recorder)) is (policy == "mixed_float16")


def test_a_model_without_a_call(keras: ModuleType) -> None:
    """It is trained as it would be, and a note says that nothing was read."""

    class Pair(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
            self.mine = keras.optimizers.SGD(0.5)

        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                loss = sparse(keras)(y, self.first(x))
            slopes = tape.gradient(loss, self.first.trainable_variables)
            self.mine.apply_gradients(zip(slopes, self.first.trainable_variables, strict=True))
            return {"loss": loss}

    def train(recorders: list[Any]) -> Any:
        model = Pair()
        model.compile()
        fit(model, *recorders, epochs=2)
        return model

    recorder = check_same(keras, train)
    assert not recorder.record.series
    assert len(recorder.record.notes) == 1
    assert "the model has no call()" in notes(recorder)


def test_a_label_out_of_range(keras: ModuleType) -> None:
    """One sentence, before any training."""
    model = network(keras)
    before = model.get_weights()
    with pytest.raises(BadInputError, match="label value of 7") as caught:
        fit(model, KerasRecorder(probe=(X[:8], np.full(8, 7))))
    assert "input_shape" not in str(caught.value)  # it is that of the probe
    assert str(caught.value).endswith("does fit run without the recorder?")
    assert len(str(caught.value)) < 450
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert not isinstance(model.train_function, Watched)


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("source", ["keras", "tensorflow", "numpy"])
def test_a_layer_that_draws_from_a_global_generator(
    keras: ModuleType, source: str, eager: bool
) -> None:
    """In inference too; what it drew for the probe is as if it had not been drawn."""
    draws: dict[str, Callable[[Any], Any]] = {
        "keras": lambda x: keras.random.normal(keras.ops.shape(x)),
        "tensorflow": lambda x: tf.random.normal(tf.shape(x)),
        "numpy": lambda x: np.random.normal(size=(1,)).astype("float32"),
    }

    class Noisy(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x + 0.1 * draws[source](x)

    def train(recorders: list[Any]) -> Any:
        layers = [keras.Input((5,)), Noisy(), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        model.compile(optimizer="sgd", loss=sparse(keras), run_eagerly=eager)
        fit(model, *recorders, epochs=2)
        return model

    check_same(keras, train)


@ends_by_itself
def test_groups_of_steps_of_data_without_a_length(keras: ModuleType) -> None:
    """Five batches in groups of three: the second group of an epoch is one of two."""
    shapes = (tf.TensorSpec((None, 5)), tf.TensorSpec((None,), tf.int64))

    def train(recorders: list[Any]) -> Any:
        model = network(keras, steps_per_execution=3)
        data = tf.data.Dataset.from_generator(batches, output_signature=shapes)
        model.fit(data, epochs=3, verbose=0, callbacks=recorders, shuffle=False)
        assert int(model.optimizer.iterations) == 15
        return model

    recorder = check_same(keras, train)
    assert recorder.record["loss"].steps.tolist() == [0, 3, 5, 8, 10, 13]
    assert recorder.step == 15


def test_steps_of_others_are_not_counted(keras: ModuleType) -> None:
    """After a fit that was broken off between two readings."""

    class Breaker(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                raise KeyboardInterrupt

    model = network(keras)
    recorder = KerasRecorder(probe=PROBE, every=1000)
    with pytest.raises(KeyboardInterrupt):
        fit(model, recorder, Breaker())
    model.train_on_batch(X, Y)
    fit(model)
    model.train_on_batch(X, Y)
    assert recorder.step == 2
    assert not isinstance(model.train_function, Watched)


def test_norms_of_large_numbers(keras: ModuleType) -> None:
    """A weight of 1e25: its square is beyond 32 bits, its norm is not."""
    layer = keras.layers.Dense(1, use_bias=False, name="only")
    model = keras.Sequential([keras.Input((1,)), layer])
    layer.set_weights([np.full((1, 1), 1e25, dtype="float32")])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mae")
    ones = np.ones((4, 1), dtype="float32")
    recorder = KerasRecorder(probe=(ones, ones))
    fit(model, recorder, x=ones, y=ones)
    assert recorder.record["weight_norm"].values[0, 0] == pytest.approx(1e25)


ONE_NAN = """
import numpy as np
from coursekit.device import import_keras
keras = import_keras()
from coursekit import KerasRecorder
x = np.random.default_rng(0).normal(size=(256, 16)).astype("float32")
y = np.arange(256) % 4
probe = x[:32].copy(), y[:32]
x[200, 3] = np.nan
keras.utils.set_random_seed(0)
dense = keras.layers.Dense
model = keras.Sequential([keras.Input((16,)), dense(32, activation="relu"), dense(4)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer="sgd", loss=loss)
recorder = KerasRecorder(probe, every=1)
model.fit(x, y, batch_size=32, epochs=2, verbose=0, callbacks=[recorder])
broken = np.isnan(recorder.record["weight_norm"].values).any(axis=1)
assert broken.any()
assert ((recorder.record["non_finite"].values > 0) == broken).all()
told = any("while the loss is finite" in note for note in recorder.record.notes)
assert told == np.isfinite(recorder.record["loss"].values[broken]).any()
"""


def ran(program: str, **settings: str) -> str:
    """What a program printed, in a process of its own with these environment variables."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **settings},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("onednn", ["0", "1"])
def test_a_nan_that_onednn_hides(onednn: str) -> None:
    """In a process of its own. Where there is no oneDNN, the loss itself is NaN in both."""
    ran(ONE_NAN, TF_ENABLE_ONEDNN_OPTS=onednn)


@pytest.mark.parametrize("host", ["CPU", "no such device"])
def test_weights_that_a_layer_hides(
    keras: ModuleType, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of NaN that no row of the probe reads: counted, and said once."""
    from coursekit.vitals.keras import probe

    monkeypatch.setattr(probe, "HOST", host)
    table = keras.layers.Embedding(6, 2, name="table")
    model = keras.Sequential([keras.Input((3,)), table, keras.layers.Flatten()])
    model.compile(optimizer="sgd", loss="mse")
    rows = table.get_weights()[0]
    rows[5] = np.nan, np.inf
    table.set_weights([rows])
    x = RNG.integers(0, 5, (8, 3))
    recorder = KerasRecorder(probe=(x, np.zeros((8, 6))))
    fit(model, recorder, x=x, y=np.zeros((8, 6)))
    assert np.isfinite(recorder.record["loss"].values).all()
    assert recorder.record["non_finite"].values.tolist() == [2, 2]
    assert notes(recorder).count("Weights of layer 'table' hold NaN") == 1


WITHOUT_TENSORFLOW = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name="tensorflow")
sys.meta_path.insert(0, Block())
from coursekit import KerasRecorder
from coursekit.errors import MissingPackageError
try:
    KerasRecorder(([[1.0]], [0]))
except MissingPackageError as error:
    print(error)
"""

ANOTHER_BACKEND = """
import warnings
from coursekit.device import import_keras
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import_keras()
print(*[one.message for one in caught if "KERAS_BACKEND" in str(one.message)])
"""


@pytest.mark.parametrize(
    ("program", "backend", "says"),
    [
        (WITHOUT_TENSORFLOW, "tensorflow", "need the package 'tensorflow', which is not installed"),
        (ANOTHER_BACKEND, "torch", "Keras runs on 'torch' here"),
        (ANOTHER_BACKEND, "tensorflow", ""),
    ],
    ids=["no TensorFlow", "torch", "TensorFlow"],
)
def test_other_installations(program: str, backend: str, says: str) -> None:
    """In a process of its own, as Keras takes its backend when it is imported."""
    printed = ran(program, KERAS_BACKEND=backend)
    assert printed.strip().startswith(says) if not says else says in printed
