"""Images stored with their number last, reshaped as if it came first.

A file of images may have the shape (8, 8, images): MATLAB writes it so. ``reshape`` makes
(images, 64) of it without a word, for the count of numbers is right. But it only reads them on
in the order in which they lie: a row is then one pixel of 64 images that follow each other. The
labels still go by image. ``transpose`` must bring the axes in order first.
"""

from dataclasses import replace

import torch
from sklearn.datasets import load_digits
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, tensors, three_parts
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    axes: tuple[int, ...] | None = (2, 0, 1),
    hidden: int = 64,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """The digits classifier, from a file of images as MATLAB would write it.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        axes: The order into which the axes of the file are brought; None leaves them.
        hidden: Hidden units.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    images, labels = load_digits().images, load_digits().target
    images = images.transpose(1, 2, 0).copy() / 16  # (8, 8, images): as in the file
    if axes is not None:
        images = images.transpose(axes)
    parts = three_parts(images.reshape(len(labels), 64), labels, seed)
    train_rows, val, test = (tensors(part, device) for part in parts)
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str, *, axes: tuple[int, ...] | None = (2, 0, 1)) -> Setup:
    """The classifier with Adam in place of SGD."""
    setup = build(seed, device, axes=axes)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    axes: tuple[int, ...] | None = (2, 0, 1),
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    images, labels = load_digits().images, load_digits().target
    images = images.transpose(1, 2, 0).copy() / 16
    if axes is not None:
        images = images.transpose(axes)
    train_rows, val, test = three_parts(images.reshape(len(labels), 64), labels, seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(axes=None)
_ADAM = Recipe(build=build_adam, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="flattened-batch",
    family="architecture",
    kind="trains",
    question="All shapes are right and nothing complains, but the network only guesses. Why?",
    lesson="05_wrong_loss",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=_ADAM,
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=30),
            why="It begins to learn the training rows by heart; they say nothing of the others.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="What a row needs to tell its label is not in it, for any network.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_ADAM.having(axes=None),
            why="A better optimizer finds no relation where there is none.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.81, margin=0.5
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="input_std", read="lowest")),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(axes=None),
        fixed=_KERAS,
        note="The rows are mixed before Keras sees them.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data Preprocessing Inconsistencies"),
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
    ),
)
