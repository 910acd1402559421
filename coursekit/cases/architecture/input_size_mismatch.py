"""A first layer made for other inputs: 784 numbers, where the rows hold 64.

A linear layer is a matrix, and its columns are the features of a row. A network copied from a
text on MNIST wants 28 × 28 = 784 of them; these digits are 8 × 8 = 64. The product does not
exist, so PyTorch raises at the first batch. Of the two shapes in the message the first is that
of the batch, and the second that of the layer.
"""

import torch
from torch import nn

from coursekit.cases.case import Case, Raises, Recipe, Setup, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, Source


def build(
    seed: int,
    device: str,
    *,
    inputs: int = 64,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        inputs: Features that the first layer expects.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    inputs: int = 64,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    train_rows, val, test = digits(seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="input-size-mismatch",
    family="architecture",
    kind="raises",
    question="The first batch ends in: mat1 and mat2 shapes cannot be multiplied. Which is wrong?",
    lesson="05_wrong_loss",
    broken=_FIXED.having(inputs=784),
    fixed=_FIXED,
    healthy=None,
    rivals=(),
    claim=Raises(error="RuntimeError", words="mat1 and mat2 shapes cannot be multiplied"),
    shows=(),  # the broken run ends before its first step
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(inputs=784),
        fixed=_KERAS,
        claim=Raises(error="ValueError", words="is incompatible with the layer"),
        note="Keras raises a ValueError: it names the layer, the size wanted and the shape it got.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
    ),
)
