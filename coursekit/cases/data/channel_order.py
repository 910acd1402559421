"""Channel order: pictures were learnt as red, green, blue and are read as blue, green, red.

OpenCV reads pictures in the second order, Pillow and scikit-learn in the first. Shape, type
and range are the same, so nothing complains. The red flower arrives blue, like the sky over
the temple, and the sky arrives red: the network answers confidently, and no better than a coin.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_sample_images
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D1, Source

RGB = (0, 1, 2)
BGR = (2, 1, 0)


def patches() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Squares of 16 × 16 pixels, no two overlapping, from a temple (0) and a flower (1).

    Returns:
        Grey levels from 0 to 255, shape (2080, 3, 16, 16), and the number of the picture.
    """
    temple, flower = load_sample_images().images  # (427, 640, 3) each, grey levels 0 to 255
    pictures = np.stack([temple, flower])[:, :416]
    squares = pictures.reshape(2, 26, 16, 40, 16, 3).transpose(0, 1, 3, 5, 2, 4)
    x = squares.reshape(2080, 3, 16, 16)  # (patches, channels, height, width)
    return x.astype(np.float64), np.repeat([0, 1], 1040)


def build(
    seed: int,
    device: str,
    *,
    channels: tuple[int, ...] = RGB,
    channels_in_use: tuple[int, ...] = BGR,
    lr: float = 0.01,
    epochs: int = 6,
) -> Setup:
    """Tell patches of the temple from patches of the flower.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        channels: The order in which training and validation pictures are read.
        channels_in_use: The order in which pictures are read in use.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    x, y = patches()
    x = (x / 255 - 0.5) / 0.5
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    x, x_val = x[:, channels], x_val[:, channels]
    x_test = x_test[:, channels_in_use]
    loader = batches(tensors((x, y), device), batch_size=64, seed=seed)
    val, test = tensors((x_val, y_val), device), tensors((x_test, y_test), device)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 4, stride=4), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_batchnorm(seed: int, device: str) -> Setup:
    """The broken recipe with a BatchNorm layer on the picture."""
    setup = build(seed, device)
    model = nn.Sequential(nn.BatchNorm2d(3), *setup.model).to(device)
    return replace(setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.01))


def build_grey(seed: int, device: str) -> Setup:
    """The broken recipe with the mean of the channels in place of each: grey pictures."""
    setup = build(seed, device)
    model = nn.Sequential(_Grey(), *setup.model).to(device)
    return replace(setup, model=model)


class _Grey(nn.Module):
    """Three equal channels, each the mean of the picture's."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:  # (batch, 3, height, width)
        return inputs.mean(dim=1, keepdim=True).expand_as(inputs)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    channels: tuple[int, ...] = RGB,
    channels_in_use: tuple[int, ...] = BGR,
    epochs: int = 6,
) -> Setup:
    """The same network in Keras, channels last."""
    import keras

    x, y = patches()
    x = ((x / 255 - 0.5) / 0.5).transpose(0, 2, 3, 1)  # (patches, height, width, channels)
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    x, x_val = x[..., channels], x_val[..., channels]
    x_test = x_test[..., channels_in_use]

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(16, 4, strides=4, activation="relu"),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    train_rows, val, test = (x, y), (x_val, y_val), (x_test, y_test)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_estimate_keras)

CASE = Case(
    name="channel-order",
    family="data",
    kind="misjudges",
    question="The same pictures, the same shape, the same range, and in use it is a coin. Why?",
    lesson="02_mismatched_transforms",
    broken=_BROKEN,
    fixed=_BROKEN.having(channels_in_use=RGB),
    healthy=_BROKEN.having(channels=BGR),  # the other order is as good, if it is one order
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=12),
            why="The network grows surer of which colour is which, and in use they are swapped.",
        ),
        Rival(
            name="BatchNorm on the picture",
            recipe=Recipe(build=build_batchnorm, train=train, evaluate=evaluate_estimate),
            why="Its averages belong to the channels of training; in use they meet other ones.",
        ),
        Rival(
            name="grey pictures",
            recipe=Recipe(build=build_grey, train=train, evaluate=evaluate_estimate),
            why="It hides the cause: grey has no order of channels, but what colour told is lost.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.6, fixed_bound=0.85, margin=0.3),
    shows=(),  # training is the same run, bit for bit: only the pictures in use differ
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(channels_in_use=RGB),
        note="Keras fails in the same way; its pictures hold the channels last.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
        Source(key="D1", title=D1, section="Example 1: data normalization"),
    ),
)
