"""Class numbers as floats: labels that cross-entropy cannot look up.

``nn.CrossEntropyLoss`` takes integers for class numbers and floats for probabilities, one a
class. Labels that come from a table of floats have the shape of the first and the type of the
second. PyTorch does not guess, and raises at the first batch.
"""

import torch
from torch import nn
from torch.utils.data import TensorDataset

from coursekit.cases.case import Case, NoDifference, Raises, Recipe, Setup, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits
from coursekit.cases.sources import D1, Source


def build(
    seed: int,
    device: str,
    *,
    dtype: torch.dtype = torch.int64,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        dtype: Type of the labels.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    train_rows, val, test = (
        TensorDataset(
            torch.tensor(x, dtype=torch.float32, device=device),
            torch.tensor(y, dtype=dtype, device=device),
        )
        for x, y in digits(seed)
    )
    loader = batches(train_rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
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
    dtype: str = "int64",
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    train_rows, val, test = ((x, y.astype(dtype)) for x, y in digits(seed))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
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
    name="label-dtype",
    family="architecture",
    kind="raises",
    question="Training ends in: expected target dtype to be Long. Which line makes something else?",
    lesson="05_wrong_loss",
    broken=_FIXED.having(dtype=torch.float32),
    fixed=_FIXED,
    healthy=None,
    rivals=(),
    claim=Raises(error="RuntimeError", words="Long"),  # the one word that no version changed
    shows=(),  # the broken run ends before its first step
    knobs=(),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS.having(dtype="float32"),
        fixed=_KERAS,
        claim=NoDifference(score="test_accuracy", better="higher", bound=0.85, tolerance=0.001),
        note="Keras casts the labels of a sparse cross-entropy to integers: 1.7 would become 1.",
    ),
    sources=(Source(key="D1", title=D1, section="1. Data Preprocessing Inconsistencies"),),
)
