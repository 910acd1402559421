"""BatchNorm with two rows in a batch: what a layer puts out hangs on the row's one partner.

Of two numbers, normalised by their own mean and deviation, one is always +1 and the other −1:
how far apart they were is lost. So each unit learns from "higher or lower than the partner",
and the partner is drawn anew in every epoch. In evaluation mode the running averages stand in
for the pair, and the units see values that training never gave them. LayerNorm takes mean and
deviation over the units of one row, so that no row depends on another.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import BatchNorm1d, LayerNorm
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Choice, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import digits
from coursekit.cases.sources import D0, Source


def build(
    seed: int,
    device: str,
    *,
    norm: type[BatchNorm1d] | type[LayerNorm] = BatchNorm1d,
    batch_size: int = 2,
    lr: float = 0.01,
    epochs: int = 4,
) -> Setup:
    """Digits, four hidden layers, each with a normalisation layer.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        norm: The normalisation layer.
        batch_size: Rows in a batch.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    x = torch.tensor(x / 16, dtype=torch.float32, device=device)
    y = torch.tensor(y, device=device)
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        TensorDataset(x[rows], y[rows]), batch_size=batch_size, shuffle=True, generator=order
    )
    val, test = (TensorDataset(x[part], y[part]) for part in (val_rows, test_rows))
    torch.manual_seed(seed)
    hidden = [layer for _ in range(4) for layer in (nn.Linear(64, 64), norm(64), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_adam(seed: int, device: str) -> Setup:
    """Batches of two, with Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.001))


def train_accumulating(setup: Setup) -> Iterator[int]:
    """The plain loop, with one step along the mean gradient of sixteen batches."""
    for epoch in range(setup.epochs):
        for number, (inputs, labels) in enumerate(setup.train, start=1):
            loss = setup.loss_fn(setup.model(inputs), labels)
            (loss / 16).backward()
            if number % 16 == 0:
                setup.optimizer.step()
                setup.optimizer.zero_grad()
        yield epoch + 1


def build_healthy(seed: int, device: str) -> Setup:
    """BatchNorm as it is meant: batches of 64, here with Adam."""
    setup = build(seed, device, batch_size=64, epochs=20)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    norm: str = "BatchNormalization",
    lr: float = 0.01,
    epochs: int = 2,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    train, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    layer = getattr(keras.layers, norm)
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(4):
        model.add(keras.layers.Dense(64))
        model.add(layer())
        model.add(keras.layers.Activation("relu"))
    model.add(keras.layers.Dense(10))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train, val=val, test=test, epochs=epochs, batch_size=2,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="batchnorm-tiny-batch",
    family="normalization",
    kind="trains",
    question="My images are so large that only two fit in memory, and accuracy halves. Why?",
    lesson="11_normalisation_layers",
    broken=_BROKEN,
    fixed=_BROKEN.having(norm=LayerNorm),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.001),
            why="Smaller steps average more pairs; each still keeps nothing but a sign.",
        ),
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=0.1),
            why="The loss stalls, but not for want of long steps.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=8),
            why="Every epoch draws new pairs; through four layers too little of it survives.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate),
            why="It rescales the steps; what the layers put out is still set by the partner.",
        ),
        Rival(
            name="sixteen batches before each step",
            recipe=Recipe(build=build, train=train_accumulating, evaluate=evaluate).having(lr=0.05),
            why="It makes the gradient a mean over 32 rows; the layers still see two at a time.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.65, fixed_bound=0.75, margin=0.2
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="batch_size",
            label="rows in a batch",
            values=(2, 4, 8, 16, 32, 64),
            start=32,
        ),
        Choice(
            name="norm",
            label="layer",
            positions={"BatchNorm": BatchNorm1d, "LayerNorm": LayerNorm},
            first="BatchNorm",
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(norm="LayerNormalization"),
        note="The layer is called BatchNormalization and its running averages move ten times "
        "more slowly; two epochs.",
    ),
    sources=(Source(key="D0", title=D0, section="Layer normalization"),),
)
