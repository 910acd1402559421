"""Each quantity of a Keras record against numpy by hand, or against a gradient tape of the test."""

import time
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from coursekit.vitals.keras import KerasRecorder

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")


def rows(*shape: int) -> Any:
    """Normal random numbers of that shape."""
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def recorded(model: Any, x: Any, y: Any) -> Any:
    """The record of one step on the rows, which are the probe too."""
    recorder = KerasRecorder(probe=(x, y))
    model.fit(x, y, batch_size=len(x), verbose=0, callbacks=[recorder])
    return recorder.record


def network(keras: ModuleType, *layers: Any, width: int, loss: str = "mse") -> Any:
    """The layers, compiled with plain gradient descent."""
    model = keras.Sequential([keras.Input((width,)), *layers])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    return model


def fixed_dense(keras: ModuleType, kernel: list[list[float]], **options: Any) -> Any:
    """A layer without bias whose weights are given."""
    start = keras.initializers.Constant(kernel)
    return keras.layers.Dense(len(kernel[0]), kernel_initializer=start, use_bias=False, **options)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("tanh", 2 / 5),  # |tanh 2| = .964, |tanh 3| = .995: only ±3 lie beyond .97
        ("sigmoid", 2 / 5),  # sigmoid 4 = .982, sigmoid 5 = .993: only ±5 lie beyond .985
        ("hard_sigmoid", 2 / 5),  # (x + 3) / 6, cut at 0 and 1: ±3 reach the bounds
        ("hard_tanh", 2 / 5),
        ("softsign", 0.0),  # 3 / 4 at most
    ],
)
def test_saturated_fraction(keras: ModuleType, activation: str, expected: float) -> None:
    """Five inputs through the identity: two of them, or none, lie beyond the bounds."""
    values: dict[str, list[float]] = {"tanh": [-3, -2, 0, 2, 3], "sigmoid": [-5, -4, 0, 4, 5]}
    values |= {"hard_sigmoid": [-3, -2, 0, 2, 3], "hard_tanh": [-1, -0.9, 0, 0.9, 1]}
    x = np.array(values.get(activation, [-3, -1, 0, 1, 3]), dtype="float32")[:, None]
    inside = fixed_dense(keras, [[1.0]], activation=activation, name="inside")
    alone = keras.layers.Activation(activation, name="alone")
    for layer in (inside, alone):
        run = recorded(network(keras, layer, fixed_dense(keras, [[1.0]]), width=1), x, x)
        assert run["saturated_fraction"].labels == (layer.name,)
        assert run["saturated_fraction"].values[0, 0] == pytest.approx(expected)


def test_what_is_not_a_bounded_activation(keras: ModuleType) -> None:
    """Softmax, ReLU, and an LSTM, whose output is a product."""
    layers = keras.layers
    softmax = layers.Dense(3, activation="softmax")
    lstm = layers.LSTM(2, activation="tanh")
    model = network(keras, layers.Reshape((4, 1)), lstm, softmax, width=4)
    assert "saturated_fraction" not in recorded(model, rows(6, 4), rows(6, 3))


def test_what_counts_as_a_relu(keras: ModuleType) -> None:
    """By class, by name, as a layer inside a layer, as TensorFlow's; none that leaks."""
    tf = pytest.importorskip("tensorflow")
    layers = keras.layers
    yes = [
        layers.ReLU(name="layer"),
        layers.ReLU(max_value=6, name="six"),
        layers.Activation("relu", name="by_name"),
        layers.Dense(4, activation="relu", name="dense"),
        layers.Dense(4, activation=tf.nn.relu, name="tensorflow"),
        layers.Dense(4, activation=layers.ReLU(name="own"), name="inner"),
    ]
    no = [
        layers.Activation("leaky_relu"),
        layers.LeakyReLU(),
        layers.ReLU(negative_slope=0.1),
        layers.Dense(4, activation="leaky_relu"),
        layers.Dense(4, activation="gelu"),
    ]
    run = recorded(network(keras, *yes, *no, width=4), rows(6, 4), rows(6, 4))
    names = {*(layer.name for layer in yes), "inner/own"}
    assert set(run["dead_fraction"].labels) == names


@pytest.mark.parametrize("kind", ["Conv1D", "Conv2D", "Dense"])
def test_dead_units_are_counted_by_channel(keras: ModuleType, kind: str) -> None:
    """Four units; a bias of −100 holds one of them off at each position of each row."""
    layers = keras.layers
    shape = (6, 6, 2) if kind == "Conv2D" else (6, 2)
    options = {} if kind == "Dense" else {"kernel_size": 3}
    layer = getattr(layers, kind)(4, activation="relu", name="units", **options)
    model = keras.Sequential([keras.Input(shape), layer, layers.Flatten(), layers.Dense(1)])
    kernel, bias = layer.get_weights()
    layer.set_weights([np.abs(kernel), np.array([0, 0, -100, 0], dtype="float32")])
    model.compile(optimizer="sgd", loss="mse")
    run = recorded(model, np.abs(rows(5, *shape)), rows(5, 1))
    assert run["dead_fraction"].values.tolist() == [[0.25]]
    assert bias.shape == (4,)


@pytest.mark.parametrize(
    ("loss", "y", "outputs", "expected"),
    [
        ("sparse_categorical_crossentropy", [0, 2, 2, 0, 0], 4, [3, 0, 2, 0]),
        ("sparse_categorical_crossentropy", [[0], [2], [2], [1], [1]], 3, [1, 2, 2]),
        ("categorical_crossentropy", np.eye(3)[[0, 2, 2, 1, 2]], 3, [1, 1, 3]),
        ("categorical_crossentropy", np.full((5, 2), 0.5), 2, None),
        ("binary_crossentropy", [0, 1, 1, 1, 1], 1, [1, 4]),
        ("binary_crossentropy", np.eye(2)[[0, 1, 1, 0, 0]], 2, None),
        ("mse", [0, 2, 2, 0, 0], 1, None),
    ],
    ids=["sparse", "column", "one-hot", "soft", "binary", "several questions", "regression"],
)
def test_label_counts(
    keras: ModuleType, loss: str, y: Any, outputs: int, expected: list[int] | None
) -> None:
    """Of classes only: what the loss takes for class labels."""
    last = {"binary_crossentropy": "sigmoid", "mse": "linear"}.get(loss, "softmax")
    model = network(keras, keras.layers.Dense(outputs, activation=last), width=3, loss=loss)
    run = recorded(model, rows(5, 3), np.asarray(y))
    if expected is None:
        assert "label_count" not in run
    else:
        assert run["label_count"].values.tolist() == [expected]
        assert run["label_count"].labels == tuple(map(str, range(len(expected))))


def test_gradients_and_updates_against_a_tape(keras: ModuleType) -> None:
    """Adam, a regulariser, a frozen layer: norms and moves worked out beside it."""
    tf = pytest.importorskip("tensorflow")
    layers = keras.layers
    frozen = layers.Dense(4, trainable=False)
    first, last = layers.Dense(6, activation="tanh", name="first"), layers.Dense(1, name="last")
    first.kernel_regularizer = keras.regularizers.L2(0.1)
    model = keras.Sequential([keras.Input((5,)), first, frozen, last])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
    x, y = rows(7, 5), rows(7, 1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2) + 0.1 * tf.reduce_sum(first.kernel.value**2)
    slopes = [slope.numpy() for slope in tape.gradient(loss, model.trainable_variables)]
    before = [variable.numpy() for variable in model.trainable_variables]
    run = recorded(model, x, y)
    after = [variable.numpy() for variable in model.trainable_variables]
    moved = [b - a for a, b in zip(before, after, strict=True)]
    assert run["loss"].values[0] == pytest.approx(float(loss), rel=1e-5)
    assert run["gradient_norm"].labels == ("first", "last")
    for number, layer in enumerate(("first", "last")):
        mine = slice(2 * number, 2 * number + 2)
        for quantity, value in (
            ("gradient_norm", _norm(slopes[mine])),
            ("weight_norm", _norm(before[mine])),
            ("update_ratio", _norm(moved[mine]) / _norm(before[mine])),
        ):
            assert run.of_layer(quantity, layer)[0] == pytest.approx(value, rel=1e-4), quantity


def _norm(arrays: list[Any]) -> float:
    """The Euclidean norm of all entries together."""
    return float(np.sqrt(sum((array.astype(np.float64) ** 2).sum() for array in arrays)))


def test_an_embedding_read_twice_in_a_batch(keras: ModuleType) -> None:
    """Row 1 twice, pulled by 2 · (1 − 0) / 2 each time: its gradient is 2 in all, not √2."""
    start = keras.initializers.Ones()
    embedding = keras.layers.Embedding(3, 1, embeddings_initializer=start, name="table")
    model = keras.Sequential([keras.Input((1,), dtype="int32"), embedding, keras.layers.Flatten()])
    model.compile(optimizer="sgd", loss="mse")
    run = recorded(model, np.array([[1], [1]]), np.zeros((2, 1), dtype="float32"))
    assert run["gradient_norm"].values.tolist() == [[2.0]]


def test_non_finite_entries_are_counted(keras: ModuleType) -> None:
    """Input ∞: the output, the loss and the one gradient are not finite."""
    model = network(keras, fixed_dense(keras, [[1.0]]), width=1)
    x = np.array([[np.inf]], dtype="float32")
    run = recorded(model, x, np.zeros((1, 1), dtype="float32"))
    assert run["non_finite"].values.tolist() == [2]


def test_scale_of_float16(keras: ModuleType) -> None:
    """2²⁰ on a gradient of 2 overflows float16: scale halved, no update; at 2¹⁰ all is well."""
    expected = {2.0**20: (np.inf, 0.0), 2.0**10: (2.0, 0.2)}
    for scale, (gradient, update) in expected.items():
        layer = fixed_dense(keras, [[1.0]], dtype="mixed_float16")
        model = keras.Sequential([keras.Input((1,)), layer])
        inner = keras.optimizers.SGD(0.1)
        scaling = keras.optimizers.LossScaleOptimizer(inner, initial_scale=scale)
        model.compile(optimizer=scaling, loss="mse")
        x = np.ones((4, 1), dtype="float32")
        recorder = KerasRecorder(probe=(x, 0 * x))
        model.fit(x, 0 * x, batch_size=2, verbose=0, callbacks=[recorder])
        run = recorder.record
        assert run["learning_rate"].values[0] == pytest.approx(0.1)
        assert run["gradient_norm"].values[0, 0] == pytest.approx(gradient, rel=1e-3)
        assert run["update_ratio"].values[0, 0] == pytest.approx(update, rel=1e-3)
        assert run["non_finite"].values[0] == np.isinf(gradient)
        after = scale / 2 if np.isinf(gradient) else scale
        assert run["amp_scale"].values.tolist() == [scale, after]


def test_seconds_of_a_step(keras: ModuleType) -> None:
    """A layer sleeps in step 2, another callback between steps: only the first is computing."""

    class Sleeper(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, x: Any, training: bool = False) -> Any:
            self.passes = getattr(self, "passes", 0) + bool(training)
            time.sleep(0.2 if training and self.passes == 3 else 0.0)
            return x

    class Between(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            time.sleep(0.2 if batch == 1 else 0.0)

    x, y = rows(4, 3), rows(4, 1)
    model = network(keras, Sleeper(), keras.layers.Dense(1), width=3)
    model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
    recorder = KerasRecorder(probe=(x, y), every=1)
    begin = time.perf_counter()
    model.fit(x, y, batch_size=1, verbose=0, callbacks=[recorder, Between()])
    whole = time.perf_counter() - begin
    seconds = recorder.record["compute_time_s"]
    assert seconds.unit == "s"
    assert (seconds.values > 0).all()
    assert seconds.values[2] >= 0.2
    assert seconds.values.sum() < whole - 0.2
    assert any("data cannot be told apart" in note for note in recorder.record.notes)


def test_the_model_gets_its_own_function_back(keras: ModuleType) -> None:
    """After a fit, and after one that another callback breaks off in the middle of an epoch."""

    class Breaker(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                raise KeyboardInterrupt

    x, y = rows(4, 3), rows(4, 1)
    model = network(keras, keras.layers.Dense(1), width=3)
    model.fit(x, y, batch_size=1, verbose=0)
    own = model.train_function
    recorder = KerasRecorder(probe=(x, y), every=1)
    model.fit(x, y, batch_size=1, epochs=2, verbose=0, callbacks=[recorder])
    assert model.train_function is own
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=1, verbose=0, callbacks=[recorder, Breaker()])
    assert recorder.record["loss"].steps.tolist() == list(range(10))
    model.fit(x, y, batch_size=1, verbose=0)  # without the recorder: nothing more is read
    assert recorder.record["loss"].steps.tolist() == list(range(10))
    assert model.train_function is own
