"""Put back what a measurement of a Keras model writes or draws, so that it changes nothing."""

import importlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_READS = ("ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape")
_SEEDS = "global_seed_generator"  # what keras.random draws from where it gets no seed


class Untouched:
    """``with Untouched(model, graph): …``: variables that the graph writes keep their values.

    A pass in inference mode writes little: the metrics that count each loss of a model with
    several outputs, and the seed of a layer that draws numbers in inference too.

    Attributes:
        variables: The variables that are put back. Of a graph, those that anything but a reading
            operation gets; without a graph, all of the model's that are not trained.
    """

    def __init__(self, model: Any, graph: Any) -> None:
        every = [*model.non_trainable_variables, *model.metrics_variables]
        self.variables = (
            list({id(one): one.value for one in every}.values())
            if graph is None
            else _written(graph)
        )
        self._before: list[Any] = []

    def __enter__(self) -> None:
        self._before = [variable.read_value() for variable in self.variables]

    def __exit__(self, *_: object) -> None:
        for variable, before in zip(self.variables, self._before, strict=True):
            variable.assign(before)
        self._before = []


@contextmanager
def nothing_drawn() -> Iterator[None]:
    """While this lasts, numbers come from the global generators as if they were never drawn.

    Those of Python, numpy, ``keras.random`` and TensorFlow. A layer's ``call`` draws from them
    when it is traced, or in each pass of a model that is run eagerly.
    """
    python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with _keras_seeds_kept(), _other_tensorflow_seeds():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)


@contextmanager
def _keras_seeds_kept() -> Iterator[None]:
    """Put the global seed generator of Keras back, or take it away if there was none."""
    state = _inside("keras.src.backend.common.global_state")
    if state is None:
        yield
        return
    seeds = state.get_global_attribute(_SEEDS)
    before = None if seeds is None else seeds.state.value.read_value()
    try:
        yield
    finally:
        if seeds is not None:
            seeds.state.assign(before)
        state.set_global_attribute(_SEEDS, seeds)


@contextmanager
def _other_tensorflow_seeds() -> Iterator[None]:
    """Let operations that run at once take their seeds elsewhere.

    Putting the generator back would not do: TensorFlow keeps the operation of a seed, and a
    second one with that seed would go on where the first has stopped.
    """
    module = _inside("tensorflow.python.eager.context")
    context = None if module is None else module.context()
    seeds = getattr(context, "_rng", None)
    if seeds is None:  # tf.random.set_seed was not called: nothing can be repeated anyway
        yield
        return
    assert context is not None
    context._rng = random.Random("a probe")  # far from the seeds that people choose
    try:
        yield
    finally:
        context._rng = seeds


def _inside(name: str) -> Any:
    """A module inside Keras or TensorFlow; None where a version has it elsewhere."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _written(graph: Any) -> list[Any]:
    """The variables that a concrete function may write."""
    handles = {
        id(outer)
        for outer, inner in graph.graph.captures
        if any(operation.type not in _READS for operation in inner.consumers())
    }
    return [variable for variable in graph.graph.variables if id(variable.handle) in handles]
