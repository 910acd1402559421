"""The ways in which Keras trains: each is the same run with and without the recorder."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from coursekit.records import Record
from coursekit.vitals.keras import KerasRecorder

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")


RNG = np.random.default_rng(0)
X = RNG.normal(size=(44, 5)).astype("float32")
Y = RNG.integers(0, 3, 44)


def network(keras: ModuleType, *, activity: str | None = "l2", **compiling: Any) -> Any:
    """Batch normalisation, dropout, a regulariser and Adam."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.3),
            layers.Dense(3, kernel_regularizer="l2", activity_regularizer=activity, name="out"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compiling = {"optimizer": "adam", "loss": loss, "metrics": ["accuracy"]} | compiling
    model.compile(**compiling)
    return model


def same_with_and_without(
    keras: ModuleType,
    build: Callable[[], Any],
    *,
    data: tuple[Any, Any] = (X, Y),
    probe: tuple[Any, Any] = (X[:16], Y[:16]),
    **fitting: Any,
) -> KerasRecorder:
    """Train twice from one seed; weights and history must agree. The recorder of the second."""
    runs = []
    recorder = KerasRecorder(probe=probe)
    for callbacks in ([], [recorder]):
        keras.utils.set_random_seed(0)
        model = build()
        fitted = model.fit(*data, batch_size=8, epochs=2, verbose=0, callbacks=callbacks, **fitting)
        runs.append((model.get_weights(), fitted.history))
    (weights, history), (watched, watched_history) = runs
    assert all(np.array_equal(a, b) for a, b in zip(weights, watched, strict=True))
    assert history == watched_history
    assert recorder.step == 12  # 44 rows in eights: 6 batches, twice
    return recorder


@pytest.fixture(scope="module")
def plain(keras: ModuleType) -> Record:
    """The record of the network as Keras trains it by default."""
    return same_with_and_without(keras, lambda: network(keras)).record


@pytest.mark.parametrize(
    "compiling",
    [{"jit_compile": True}, {"run_eagerly": True}],
    ids=["XLA", "eager"],
)
def test_ways_to_compile(keras: ModuleType, plain: Record, compiling: dict[str, Any]) -> None:
    """The first readings do not depend on how Keras compiles its own step (by default "auto")."""
    run = same_with_and_without(keras, lambda: network(keras, **compiling)).record
    assert run["loss"].steps.tolist() == plain["loss"].steps.tolist()
    assert (run["update_ratio"].values > 0).all()
    for quantity in ("loss", "gradient_norm", "weight_norm", "activation_std"):
        np.testing.assert_allclose(run[quantity].values[0], plain[quantity].values[0], rtol=1e-5)
    assert any("run eagerly" in note for note in run.notes) is ("run_eagerly" in compiling)


def test_several_steps_in_one_call(keras: ModuleType) -> None:
    """Groups of 4 and 2 batches: Keras gives 7 as the number of the last of 6."""
    build = lambda: network(keras, steps_per_execution=4)  # noqa: E731
    run = same_with_and_without(keras, build).record
    assert run["loss"].steps.tolist() == [0, 4, 6, 10]
    assert any("steps_per_execution is 4" in note for note in run.notes)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(keras: ModuleType, policy: str) -> None:
    """The readings are close to those of 32 bits; a change of the scale is seen."""

    def build() -> Any:
        keras.mixed_precision.set_global_policy(policy)
        try:  # Keras itself cannot add an activity regulariser to a float16 loss
            return network(keras, activity=None)
        finally:
            keras.mixed_precision.set_global_policy("float32")

    run = same_with_and_without(keras, build).record
    plain = same_with_and_without(keras, lambda: network(keras, activity=None)).record
    assert run["loss"].values[0] == pytest.approx(plain["loss"].values[0], rel=0.02)
    np.testing.assert_allclose(
        run["gradient_norm"].values[0], plain["gradient_norm"].values[0], rtol=0.05
    )
    assert ("amp_scale" in run) is (policy == "mixed_float16")
    if "amp_scale" in run:  # Keras halves it where a gradient overflows, and skips that step
        scale = run["amp_scale"].values
        skipped = (run["update_ratio"].values == 0).all(axis=1)
        assert scale[0] == 2.0**15
        np.testing.assert_array_equal(scale[1:] / scale[:-1], np.where(skipped[:-1], 0.5, 1))


def test_several_inputs_and_outputs(keras: ModuleType) -> None:
    """The metrics that count each output's loss are not moved by the probe; a shared layer."""
    layers = keras.layers

    def build() -> Any:
        first, second = keras.Input((5,)), keras.Input((5,))
        shared = layers.Dense(4, activation="relu", name="shared")
        both = layers.Concatenate(name="both")([shared(first), shared(second)])
        outputs = [layers.Dense(3, name="classes")(both), layers.Dense(1, name="number")(both)]
        model = keras.Model([first, second], outputs)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="sgd", loss=[loss, "mse"], metrics=[["accuracy"], ["mae"]])
        return model

    numbers = X[:, :1].copy()
    recorder = same_with_and_without(
        keras,
        build,
        data=([X, -X], [Y, numbers]),
        probe=([X[:8], -X[:8]], [Y[:8], numbers[:8]]),
    )
    run = recorder.record
    assert run["activation_mean"].labels == ("shared", "both", "classes", "number")
    assert "label_count" not in run
    assert any("'shared' is called more than once" in note for note in run.notes)
    assert any("input_mean and input_std were not read" in note for note in run.notes)


def test_labels_of_positions(keras: ModuleType) -> None:
    """Those that a mask leaves out are counted with the others, and a note says so."""
    layers = keras.layers
    tokens = RNG.integers(0, 5, (8, 6))
    model = keras.Sequential(
        [keras.Input((6,)), layers.Embedding(5, 4, mask_zero=True), layers.Dense(3)]
    )
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy())
    recorder = KerasRecorder(probe=(tokens, tokens % 3))
    model.fit(tokens, tokens % 3, verbose=0, callbacks=[recorder])
    assert recorder.record["label_count"].values[0].sum() == tokens.size
    assert any("of all positions of the rows" in note for note in recorder.record.notes)


def test_a_subclass_of_model(keras: ModuleType) -> None:
    """Its layers' outputs are heard where its call makes them, and its graphs are traced once."""
    calls = []

    class Own(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            layers = keras.layers
            inner = [keras.Input((5,)), layers.Dense(4, activation="relu", name="first")]
            self.inner = keras.Sequential(inner, name="inner")
            self.end = layers.Dense(3, name="end")

        def call(self, x: Any) -> Any:
            calls.append(1)
            return self.end(self.inner(x))

    def build() -> Any:
        model = Own()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="sgd", loss=loss)
        return model

    recorder = same_with_and_without(keras, build)
    run, model = recorder.record, recorder.model  # type: ignore[attr-defined]
    assert run["gradient_norm"].labels == run["activation_mean"].labels == ("inner/first", "end")
    hidden = model.inner.layers[0]
    assert "call" not in vars(hidden)
    traced = len(calls)
    for _ in range(2):
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[recorder])
    assert recorder.step == 12 + 36
    assert len(calls) == traced
    assert len(recorder.record["loss"].steps) > len(run["loss"].steps)


def test_a_step_of_ones_own_without_a_loss(keras: ModuleType) -> None:
    """Weights and outputs are read; loss and gradients are NaN, and a note says so."""
    tf = pytest.importorskip("tensorflow")

    class Own(keras.Sequential):  # type: ignore[misc, name-defined]
        def train_step(self, data: Any) -> Any:
            x, _ = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(self(x, training=True) ** 2)
            slopes = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
            return {"loss": loss}

    def build() -> Any:
        model = Own([keras.Input((5,)), keras.layers.Dense(2, name="only")])
        model.compile(optimizer="sgd")
        return model

    run = same_with_and_without(keras, build).record
    assert np.isnan(run["loss"].values).all()
    assert np.isnan(run["gradient_norm"].values).all()
    assert not run["non_finite"].values.any()
    assert any("without a loss" in note for note in run.notes)


def test_a_layer_that_always_draws_numbers(keras: ModuleType) -> None:
    """Dropout in inference too: its seed is put back after each measurement."""

    class Always(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name="always")
            self.inside = keras.layers.Dropout(0.5, name="dropout")

        def call(self, x: Any) -> Any:
            return self.inside(x, training=True)

    def build(*, eager: bool) -> Any:
        model = keras.Sequential([keras.Input((5,)), Always(), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse", run_eagerly=eager)
        return model

    for eager in (False, True):
        run = same_with_and_without(keras, lambda eager=eager: build(eager=eager)).record  # type: ignore[misc]
        assert "always/dropout" in run["activation_mean"].labels
        assert run["activation_std"].of("always")[0] > 0


def test_a_recurrent_layer(keras: ModuleType) -> None:
    """Its output is read; that of its cell, called in a loop of the graph, is not."""
    layers = keras.layers

    def build() -> Any:
        recurrent = layers.GRU(3, name="recurrent")
        model = keras.Sequential(
            [keras.Input((5,)), layers.Reshape((5, 1)), recurrent, layers.Dense(1)]
        )
        model.compile(optimizer="sgd", loss="mse")
        return model

    run = same_with_and_without(keras, build).record
    assert "recurrent" in run["activation_mean"].labels
    assert run["gradient_norm"].labels[0] == "recurrent/gru_cell"
    assert any("recurrent/gru_cell" in note for note in run.notes)


@pytest.mark.parametrize("weights", ["class", "sample"])
def test_weighted_rows(keras: ModuleType, weights: str) -> None:
    """They weigh in the training only: the probe's loss is that of unweighted rows."""
    fitting: dict[str, Any] = {"class_weight": {0: 9.0, 1: 1.0, 2: 0.0}}
    if weights == "sample":
        fitting = {"sample_weight": np.linspace(0, 1, 44)}
    run = same_with_and_without(keras, lambda: network(keras), **fitting).record
    keras.utils.set_random_seed(0)
    expected = network(keras).evaluate(X[:16], Y[:16], verbose=0, return_dict=True)["loss"]
    assert run["loss"].values[0] == pytest.approx(expected, rel=1e-5)
    assert any("without class_weight or sample_weight" in note for note in run.notes)


def test_gradients_added_up_over_steps(keras: ModuleType) -> None:
    """Two steps an update: the weights move at every second one."""
    optimizer = {"learning_rate": 0.1, "gradient_accumulation_steps": 2}
    model = network(keras, optimizer=keras.optimizers.SGD(**optimizer))
    recorder = KerasRecorder(probe=(X, Y))
    model.fit(X, Y, batch_size=11, verbose=0, callbacks=[recorder])
    moved = (recorder.record["update_ratio"].of("hidden") > 0).tolist()
    assert moved == [False, True, False, True]
    assert any("gradients of 2 steps" in note for note in recorder.record.notes)


@pytest.mark.parametrize(
    ("scaled", "together", "after"),
    [
        (False, 1, [23, 31, 39, 47, 55]),
        (True, 1, [23, 31, 39, 47, 55]),
        (False, 3, [22, 30, 38, 46]),
    ],
)
def test_later_readings_are_of_steps_that_apply_the_sum(
    keras: ModuleType, scaled: bool, together: int, after: list[int]
) -> None:
    """Eight steps an update: once not each step is read, those are that move the weights."""
    optimizer = keras.optimizers.SGD(0.01, gradient_accumulation_steps=8)
    if scaled:  # by so little that no step is skipped
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1.0)
    model = network(keras, optimizer=optimizer, steps_per_execution=together)
    recorder = KerasRecorder(probe=(X, Y))
    model.fit(X[:40], Y[:40], batch_size=5, epochs=7, verbose=0, callbacks=[recorder])
    moved = recorder.record["update_ratio"]
    late = moved.steps >= 18
    assert moved.steps[late][: len(after)].tolist() == after
    assert (moved.of("hidden")[late] > 0).all()
    assert any("gradients of 8 steps" in note for note in recorder.record.notes)


def test_the_graph_of_another_device(
    keras: ModuleType, plain: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reduced inside the graph, as on a GPU, the first reading is the one that numpy gives."""
    from coursekit.vitals.keras import probe

    monkeypatch.setattr(probe, "HOST", "no such device")
    there = same_with_and_without(keras, lambda: network(keras)).record
    assert set(plain.series) == set(there.series)
    for quantity, series in plain.series.items():
        if quantity != "compute_time_s":
            np.testing.assert_allclose(series.values, there[quantity].values, rtol=1e-4, atol=1e-7)


def test_the_error_of_a_layer_leaves_it_as_it_was(keras: ModuleType) -> None:
    """A call that raises while it is listened to."""
    layer = keras.layers.Dense(2, name="fussy")
    model = keras.Sequential([keras.Input((5,)), layer])
    model.compile(optimizer="sgd", loss="mse")
    recorder = KerasRecorder(probe=(X[:4, :2], Y[:4]))
    with pytest.raises(Exception, match="cannot be measured with this model"):
        model.fit(X, Y, verbose=0, callbacks=[recorder])
    assert "call" not in vars(layer)


def check_like_plain(run: Record, plain: Record, *, devices: int) -> None:
    """The first reading of a run on several devices is that of one on one."""
    for quantity in ("loss", "gradient_norm", "weight_norm", "activation_std"):
        found, expected = run[quantity].values[0], plain[quantity].values[0]
        np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=quantity)
    assert (run["update_ratio"].values > 0).all()
    assert any(f"trains on {devices} devices" in note for note in run.notes) is (devices > 1)


def test_a_strategy_of_one_device(keras: ModuleType, plain: Record) -> None:
    """Variables that are mirrored, if only once."""
    tf = pytest.importorskip("tensorflow")

    def build() -> Any:
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            return network(keras)

    check_like_plain(same_with_and_without(keras, build).record, plain, devices=1)


TWO_DEVICES = """
import sys
from coursekit.device import import_keras
keras = import_keras()
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, sys.argv[1])
from test_keras_modes import check_like_plain, network, same_with_and_without
def mirrored():
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        return network(keras)
plain = same_with_and_without(keras, lambda: network(keras)).record
check_like_plain(same_with_and_without(keras, mirrored).record, plain, devices=2)
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"]))
check_like_plain(same_with_and_without(keras, lambda: network(keras)).record, plain, devices=1)
print("same")
"""


def test_two_devices() -> None:
    """In a process of its own: TensorFlow takes the number of devices before its first use."""
    command = [sys.executable, "-c", TWO_DEVICES, str(Path(__file__).parent)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["same"]
