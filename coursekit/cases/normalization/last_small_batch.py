"""A last batch of one row: BatchNorm cannot measure a spread on it, and says so.

1,057 rows in batches of 32 make 33 full batches and one row. In training, BatchNorm divides by
the standard deviation of the batch, and that of one row is zero: whatever the row, every unit
would come out as its mean. PyTorch raises an error, after an epoch that had gone well until then.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader

from coursekit.cases.case import Case, NoDifference, Raises, Recipe, Setup, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import digits, tensors
from coursekit.cases.sources import D0, D2, Source

ROWS = 1057  # 33 batches of 32, and one row


def build(
    seed: int,
    device: str,
    *,
    drop_last: bool = False,
    lr: float = 0.1,
    epochs: int = 5,
) -> Setup:
    """Digits, and a network with BatchNorm.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        drop_last: Whether the loader leaves out a last batch that is not full.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    (x, y), val_rows, test_rows = digits(seed)
    order = torch.Generator().manual_seed(seed)
    rows = tensors((x[:ROWS], y[:ROWS]), device)
    loader = DataLoader(rows, batch_size=32, shuffle=True, drop_last=drop_last, generator=order)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)).to(
        device
    )
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
    rows: int = ROWS,
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """The same rows in Keras; ``fit`` has no ``drop_last``, so the number of rows says it."""
    import keras

    (x, y), val, test = digits(seed)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Dense(10),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=(x[:rows], y[:rows]), val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="last-small-batch",
    family="normalization",
    kind="raises",
    question="Training goes well, and stops with an error at the end of the first epoch. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=_BROKEN.having(drop_last=True),
    healthy=None,
    rivals=(),
    claim=Raises(error="ValueError", words="Expected more than 1 value per channel when training"),
    shows=(),  # the broken run ends before a record is complete
    knobs=(),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS,
        fixed=_KERAS.having(rows=ROWS - 1),
        claim=NoDifference(score="test_accuracy", better="higher", bound=0.85, tolerance=0.1),
        note="Keras divides by the root of a variance of zero plus epsilon, and says nothing.",
    ),
    sources=(
        Source(key="D0", title=D0, section="Batch normalization"),
        Source(key="D2", title=D2, section="1. Data issues: incorrect batch sizes"),
    ),
)
