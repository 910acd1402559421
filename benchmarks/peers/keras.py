"""Keras: the same network in `model.fit`, fed with arrays: with a DataLoader it is slower."""

import os
import time
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from coursekit.device import import_keras


def use_threads(threads: int) -> None:
    """Give TensorFlow as many threads as torch has; before it computes anything."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"  # as TensorFlow comes, not as the lessons set it
    import_keras()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)


def fit(model: nn.Module, loader: DataLoader[Any], *, lr: float, epochs: int) -> float:
    """Train a twin from the same first weights on the same batches, and copy its weights back.

    Args:
        model: A Sequential of Linear and ReLU layers.
        loader: Over a TensorDataset, not shuffled.
        lr: Learning rate of SGD.
        epochs: Passes over the data.

    Returns:
        The seconds that `fit` took. The first call in a process traces the graph, too.
    """
    layers = [layer for layer in model.children() if isinstance(layer, nn.Linear)]
    inputs, labels = (tensor.numpy() for tensor in loader.dataset.tensors)  # type: ignore[attr-defined]
    twin = _twin((layers[0].in_features, *(layer.out_features for layer in layers)), lr)
    twin.set_weights([part for layer in layers for part in _arrays(layer)])
    begin = time.perf_counter()
    twin.fit(inputs, labels, batch_size=loader.batch_size, epochs=epochs, shuffle=False, verbose=0)
    seconds = time.perf_counter() - begin
    _copy_back(twin, layers)
    return seconds


@cache
def _twin(sizes: tuple[int, ...], lr: float) -> Any:
    """The network in Keras, compiled; kept, so that its graph is traced once."""
    keras = import_keras()
    hidden = [keras.layers.Dense(size, activation="relu") for size in sizes[1:-1]]
    model = keras.Sequential([keras.Input((sizes[0],)), *hidden, keras.layers.Dense(sizes[-1])])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(lr), loss=loss)
    return model


def _arrays(layer: nn.Linear) -> tuple[Any, Any]:
    """Kernel and bias of a layer, as Keras holds them."""
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()


@torch.no_grad()
def _copy_back(twin: Any, layers: list[nn.Linear]) -> None:
    """Give the trained weights to the torch layers."""
    arrays = [torch.from_numpy(array) for array in twin.get_weights()]
    for layer, kernel, bias in zip(layers, arrays[::2], arrays[1::2], strict=True):
        layer.weight.copy_(kernel.T)
        layer.bias.copy_(bias)
