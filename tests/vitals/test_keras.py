"""`KerasRecorder`, against hand-worked numbers, an oracle, and the same fit without it."""

import inspect
import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from coursekit.errors import BadInputError
from coursekit.vitals.keras import KerasRecorder

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

LR = 0.1


def rows(number: int = 48) -> tuple[Any, Any]:
    """Random rows of five features, three classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(number, 5)).astype("float32"), rng.integers(0, 3, number)


def by_hand(keras: ModuleType) -> Any:
    """The network of test_readings_by_hand.py: x = (1, 2) gives 3, one hidden unit is dead."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(2, activation="relu", name="hidden"),
            layers.Dense(1, name="out"),
        ]
    )
    weights = ([[1, -1], [1, -1]], [0, 0], [[1], [5]], [0])
    model.set_weights([np.array(values, dtype="float32") for values in weights])
    model.compile(optimizer=keras.optimizers.SGD(LR), loss="mse")
    return model


def test_help_shows_what_it_takes() -> None:
    """`__new__` takes anything, and is what Jupyter would show."""
    assert [*inspect.signature(KerasRecorder).parameters] == ["probe", "every"]


def test_all_quantities_of_the_first_step(keras: ModuleType) -> None:
    """The numbers are derived in test_readings_by_hand.py: loss 4, gradients √96 and √160."""
    model = by_hand(keras)
    row = np.array([[1.0, 2.0]], dtype="float32"), np.array([[1.0]], dtype="float32")
    recorder = KerasRecorder(probe=row)
    model.fit(*row, verbose=0, callbacks=[recorder])
    run = recorder.record
    expected = {
        "loss": 4.0,
        "learning_rate": LR,
        "non_finite": 0,
        "gradient_norm": [np.sqrt(96), np.sqrt(160)],
        "weight_norm": [2, np.sqrt(26)],
        "update_ratio": [LR * np.sqrt(96) / 2, LR * np.sqrt(160 / 26)],
        "activation_mean": [1.5, 3],
        "activation_std": [1.5, 0],
        "dead_fraction": [0.5],
        "input_mean": [1, 2],
        "input_std": [0, 0],
    }
    assert set(run.series) == {*expected, "compute_time_s"}
    for quantity, value in expected.items():
        np.testing.assert_allclose(run[quantity].values[0], value, rtol=1e-5, err_msg=quantity)
    assert run.framework == "keras"
    assert run["gradient_norm"].labels == run.layers == ("hidden", "out")
    assert run["dead_fraction"].labels == ("hidden",)
    assert any("probe batch in inference mode" in note for note in run.notes)


def test_a_dead_unit_is_seen_at_once(keras: ModuleType) -> None:
    """Input 1, weight 1, target -10: the gradient 2 · 11 = 22 takes the weight to -1.2, dead."""
    layer = keras.layers.Dense(1, activation="relu", use_bias=False)
    model = keras.Sequential([keras.Input((1,)), layer])
    layer.set_weights([np.ones((1, 1), dtype="float32")])
    model.compile(optimizer=keras.optimizers.SGD(LR), loss="mse")
    row = np.array([[1.0]], dtype="float32"), np.array([[-10.0]], dtype="float32")
    recorder = KerasRecorder(probe=row)
    model.fit(*row, epochs=2, verbose=0, callbacks=[recorder])
    assert recorder.record["dead_fraction"].values.tolist() == [[0.0], [1.0]]
    assert layer.get_weights()[0].item() == pytest.approx(-1.2)


def noisy(keras: ModuleType, *, built: bool = True) -> Any:
    """Dropout, batch normalisation and Adam: all that draws numbers or keeps averages."""
    layers = keras.layers
    model = keras.Sequential(
        [
            *([keras.Input((5,))] if built else []),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.4),
            layers.BatchNormalization(),
            layers.Dense(3, kernel_regularizer="l2"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize(("every", "built"), [(None, True), (1, True), (1, False)])
def test_the_run_is_bit_identical(keras: ModuleType, every: int | None, built: bool) -> None:
    """Weights, moving averages, history, and the numbers that are drawn next."""
    x, y = rows()
    results = []
    for recorded in (False, True):
        keras.utils.set_random_seed(0)
        model = noisy(keras, built=built)
        callbacks = [KerasRecorder(probe=(x[:16], y[:16]), every=every)] if recorded else []
        fitted = model.fit(
            x, y, batch_size=8, epochs=3, verbose=0, callbacks=callbacks, validation_data=(x, y)
        )
        drawn = (np.random.random(), float(keras.random.uniform(())))
        results.append((model.get_weights(), fitted.history, drawn))
    (weights, history, drawn), (watched, watched_history, watched_drawn) = results
    assert all(np.array_equal(a, b) for a, b in zip(weights, watched, strict=True))
    assert history == watched_history
    assert drawn == watched_drawn
    steps = callbacks[0].record["loss"].steps.tolist()
    assert steps == (list(range(18)) if every else [*range(17)])


def test_loss_is_that_of_evaluate(keras: ModuleType) -> None:
    """At step 0, regularisation included, as Keras itself evaluates it before the fit."""
    x, y = rows()
    model = noisy(keras)
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    recorder = KerasRecorder(probe=(x, y))
    model.fit(x, y, batch_size=48, verbose=0, callbacks=[recorder])
    assert recorder.record["loss"].values[0] == pytest.approx(before["loss"], rel=1e-5)


def test_layer_outputs_against_numpy(keras: ModuleType) -> None:
    """The first layer of an untrained model, worked out in numpy."""
    x, y = rows()
    model = noisy(keras)
    kernel, bias = model.layers[0].get_weights()
    recorder = KerasRecorder(probe=(x, y))
    model.fit(x, y, batch_size=48, verbose=0, callbacks=[recorder])
    hidden = np.maximum(x @ kernel + bias, 0)
    name = model.layers[0].name
    run = recorder.record
    assert run.of_layer("activation_mean", name)[0] == pytest.approx(hidden.mean(), rel=1e-5)
    assert run.of_layer("activation_std", name)[0] == pytest.approx(hidden.std(), rel=1e-4)
    np.testing.assert_allclose(run["input_std"].values[0], x.std(axis=0), rtol=1e-5)


def test_several_fits_go_on_counting(keras: ModuleType) -> None:
    """And a learning rate set in between is read."""
    x, y = rows(16)
    model = noisy(keras)
    recorder = KerasRecorder(probe=(x, y))
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[recorder])
    model.optimizer.learning_rate = 0.5
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[recorder])
    recorder.log("val_accuracy", 0.5)
    assert recorder.record["learning_rate"].steps.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(
        recorder.record["learning_rate"].values, [0.01, 0.01, 0.5, 0.5], rtol=1e-6
    )
    assert recorder.record["val_accuracy"].steps.tolist() == [4]


def test_another_model_is_refused(keras: ModuleType) -> None:
    """One recorder, one model."""
    x, y = rows(16)
    recorder = KerasRecorder(probe=(x, y))
    noisy(keras).fit(x, y, verbose=0, callbacks=[recorder])
    with pytest.raises(BadInputError, match="Make a new KerasRecorder"):
        noisy(keras).fit(x, y, verbose=0, callbacks=[recorder])


@pytest.mark.parametrize(
    ("probe", "says"),
    [
        (np.zeros((4, 5)), "not a pair"),
        ((np.zeros((4, 5)), np.zeros(4), np.ones(4)), r"probe=next\(iter\(ds\)\)\[:2\]"),
        ((np.zeros((4, 5)), np.zeros(3)), "same number of rows"),
        ((np.zeros((0, 5)), np.zeros(0)), "at least one"),
        ((np.array([["a"], ["b"]]), np.zeros(2)), "not numbers. .*split preprocessing of text"),
        (([np.zeros((4, 5)), np.zeros((3, 5))], np.zeros(4)), "same number of rows"),
        (([[1.0, 2.0], [3.0]], [0, 1]), "holds no array"),
    ],
    ids=[
        "one array",
        "a batch with weights",
        "unequal",
        "empty",
        "text",
        "several inputs",
        "ragged",
    ],
)
def test_what_cannot_be_a_probe(probe: Any, says: str) -> None:
    """Each gets its sentence before any training."""
    with pytest.raises(BadInputError, match=says):
        KerasRecorder(probe=probe)


def test_a_probe_of_the_wrong_width(keras: ModuleType) -> None:
    """Keras's own words, both shapes, and what to pass."""
    x, y = rows(16)
    for wrong in (x[:, :3], x[:, :, None, None]):  # Keras's own words have both only of the first
        shapes = (
            rf"input_shape is \(None, {x.shape[1]}\), the probe has {re.escape(str(wrong.shape))}"
        )
        with pytest.raises(BadInputError, match=f"cannot be measured with this model: .*{shapes}"):
            noisy(keras).fit(x, y, verbose=0, callbacks=[KerasRecorder(probe=(wrong, y))])


def test_frozen_models_are_refused(keras: ModuleType) -> None:
    """There is nothing to watch."""
    x, y = rows(16)
    model = noisy(keras)
    model.trainable = False
    with pytest.raises(BadInputError, match="no trainable weights"):
        model.fit(x, y, verbose=0, callbacks=[KerasRecorder(probe=(x, y))])
