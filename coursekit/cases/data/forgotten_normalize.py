"""Forgotten Normalize: it stands in the training transform, and not in the one for use.

Training pictures run from −1 to 1, so a blank pixel is −1. In use they run from 0 to 1: blank
is 0, which the network knows as grey. Every filter answers with an offset that it never met,
and BatchNorm, which keeps the training averages, passes the offset on from layer to layer.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import evaluate_estimate, evaluate_estimate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors, three_parts
from coursekit.cases.sources import D1, Source


def build(
    seed: int,
    device: str,
    *,
    mean_in_use: float | None = None,
    dropout: float = 0.0,
    epochs: int = 5,
) -> Setup:
    """A small convolutional network on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        mean_in_use: Taken from the pixels in use before they are divided by 0.5; 0.5 in training.
            None leaves the step out.
        dropout: Share of the last features that training drops.
        epochs: Passes over the training rows.
    """
    x, y = load_digits(return_X_y=True)
    rows, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=seed)
    val_rows, test_rows = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=seed)
    x, y = torch.tensor(x / 16, dtype=torch.float32, device=device), torch.tensor(y, device=device)
    x = x.reshape(-1, 1, 8, 8)  # grey levels from 0 to 1, as ToTensor gives them
    x_train, x_val = (x[rows] - 0.5) / 0.5, (x[val_rows] - 0.5) / 0.5
    x_test = x[test_rows]
    if mean_in_use is not None:
        x_test = (x_test - mean_in_use) / 0.5
    data, order = TensorDataset(x_train, y[rows]), torch.Generator().manual_seed(seed)
    loader = DataLoader(data, batch_size=64, shuffle=True, generator=order)
    val, test = TensorDataset(x_val, y[val_rows]), TensorDataset(x_test, y[test_rows])
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(dropout), nn.Linear(128, 10),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Pixels from 0 to 1 everywhere, no Normalize anywhere, and no convolution."""
    setup = build(seed, device)
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    return replace(
        setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.01), epochs=12,
        train=batches(train_rows, batch_size=32, seed=seed), val=val, test=test,
    )  # fmt: skip


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    mean_in_use: float = 0.0,
    std_in_use: float = 1.0,
    epochs: int = 8,
) -> Setup:
    """The same network in Keras, with the momentum that so few steps ask of BatchNorm."""
    import keras

    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8, 1) / 16
    (x, y), (x_val, y_val), (x_test, y_test) = three_parts(x, y, seed)
    x, x_val = (x - 0.5) / 0.5, (x_val - 0.5) / 0.5
    x_test = (x_test - mean_in_use) / std_in_use

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same"),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    train_rows, val, test = (x, y), (x_val, y_val), (x_test, y_test)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=64,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_estimate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_estimate_keras)

CASE = Case(
    name="forgotten-normalize",
    family="data",
    kind="misjudges",
    question="Validation accuracy is excellent, and on the test pictures the network guesses. Why?",
    lesson="02_mismatched_transforms",
    broken=_BROKEN,
    fixed=_BROKEN.having(mean_in_use=0.5),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_estimate),
    rivals=(
        Rival(
            name="dropout against overfitting",
            recipe=_BROKEN.having(dropout=0.5),
            why="The gap is not overfitting: validation rows, unseen as well, are read correctly.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=10),
            why="The network learns the range from −1 to 1 better; in use it still gets another.",
        ),
        Rival(
            name="the right spread, but no mean",
            recipe=_BROKEN.having(mean_in_use=0.0),
            why="It mends the contrast, half of the repair; blank is still 0 where −1 was learnt.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.75, fixed_bound=0.92, margin=0.2),
    shows=(),  # training is the same run, bit for bit: only the pixels in use differ
    knobs=(
        Knob(
            name="mean_in_use",
            label="mean subtracted in use (grey level, 0 to 1)",
            values=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
            start=0.5,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(mean_in_use=0.5, std_in_use=0.5),
        claim=Claim(
            score="truth",
            better="higher",
            broken_bound=0.8,
            fixed_bound=0.92,
            margin=0.15,
            reason="Broken runs vary with the seed, from guessing to two pictures in three.",
        ),
        note="Keras fails in the same way; its BatchNorm momentum is set to 0.9, because the "
        "default of 0.99 needs more steps than there are here.",
    ),
    sources=(
        Source(key="D1", title=D1, section="Example 1: data normalization"),
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
    ),
    finding="The document's comment blames Normalize((0.5,), (0.5,)) for assuming one channel. One "
    "channel is right for such pictures; what fails is that only one of the two transforms has it.",
)
