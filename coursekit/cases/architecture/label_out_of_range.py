"""Nine outputs for ten classes: the largest label taken for the number of classes.

Cross-entropy looks up the output whose place is the label. Ten classes have the labels 0 to 9,
so they need ten outputs; the largest label is one less. With nine, PyTorch raises on the first
batch that holds a 9. Labels that count from 1 end in the same error.
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
    outputs: int = 10,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        outputs: Classes that the network tells apart.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, outputs)).to(device)
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
    outputs: int = 10,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    train_rows, val, test = digits(seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(outputs),
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
    name="label-out-of-range",
    family="architecture",
    kind="raises",
    question="Training ends in: Target 9 is out of bounds. The labels go from 0 to 9. Why?",
    lesson="05_wrong_loss",
    broken=_FIXED.having(outputs=9),
    fixed=_FIXED,
    healthy=None,
    rivals=(),
    claim=Raises(error="IndexError", words="Target 9 is out of bounds"),
    shows=(),  # the broken run ends before its first step
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(outputs=9),
        fixed=_KERAS,
        claim=Raises(error="InvalidArgumentError", words="outside the valid range of [0, 9)"),
        note="On the CPU TensorFlow raises; on a GPU, its documentation says, the loss is NaN.",
    ),
    sources=(
        Source(key="D2", title=D2, section="1. Clear Explanation: Model Architecture Problems"),
    ),
)
