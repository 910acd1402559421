"""Too little capacity: the network cannot draw what the data shows, however long it trains.

From the place of a pixel, the network is to say how bright a photo of a flower is there. One
hidden unit can only bend the plane once: it draws a single slope across the picture. The error
that remains is the distance between that family of functions and the picture, and no optimizer
reaches outside the family. Training and held-out loss are high together, which tells this from
overfitting. The units are leaky: a plain ReLU unit would die here from most first weights, and the
case would show that.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.datasets import load_sample_image
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import (
    evaluate_regression,
    evaluate_regression_keras,
    train,
    train_keras,
)
from coursekit.cases.rows import Parts, batches, tensors, three_parts
from coursekit.cases.sources import D2, Source


def pixels(seed: int) -> Parts:
    """A small picture, 27 × 40: x the place of a pixel from -1 to 1, y its brightness, scaled."""
    picture = load_sample_image("flower.jpg")[::16, ::16].mean(axis=2)
    places = np.meshgrid(*(np.linspace(-1, 1, size) for size in picture.shape), indexing="ij")
    x, y = np.stack(places, axis=-1).reshape(-1, 2), picture.reshape(-1)
    return three_parts(x, (y - y.mean()) / y.std(), seed, classes=False)


def build(seed: int, device: str, *, hidden: int = 64, lr: float = 0.01, epochs: int = 40) -> Setup:
    """From the place of a pixel to its brightness.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        hidden: Units in each of the two hidden layers.
        lr: Learning rate of Adam.
        epochs: Passes over the training pixels.
    """
    rows, val, test = (tensors(part, device) for part in pixels(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(2, hidden), nn.LeakyReLU(),
        nn.Linear(hidden, hidden), nn.LeakyReLU(),
        nn.Linear(hidden, 1), nn.Flatten(0),
    ).to(device)  # fmt: skip
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_deeper(seed: int, device: str, *, hidden: int = 1) -> Setup:
    """Five hidden layers in place of two."""
    setup = build(seed, device)
    torch.manual_seed(seed)
    between = [layer for _ in range(4) for layer in (nn.Linear(hidden, hidden), nn.LeakyReLU())]
    ends = nn.Linear(hidden, 1), nn.Flatten(0)
    model = nn.Sequential(nn.Linear(2, hidden), nn.LeakyReLU(), *between, *ends).to(device)
    return replace(setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.005))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    hidden: int = 64,
    lr: float = 0.01,
    epochs: int = 40,
) -> Setup:
    """The same in Keras."""
    import keras

    parts = pixels(seed)
    keras.utils.set_random_seed(seed)
    body = [
        layer
        for _ in range(2)
        for layer in (keras.layers.Dense(hidden), keras.layers.LeakyReLU(negative_slope=0.01))
    ]
    model = keras.Sequential([keras.Input((2,)), *body, keras.layers.Dense(1)])
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.Adam(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate_regression)
_BROKEN = _FIXED.having(hidden=1)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_regression_keras)
_DEEP = Recipe(build=build_deeper, train=train, evaluate=evaluate_regression)

CASE = Case(
    name="too-little-capacity",
    family="architecture",
    kind="trains",
    question="The loss settles early and high, on the training rows too. What holds it there?",
    lesson="10_capacity_and_overfitting",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=_DEEP.having(hidden=64),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=120),
            why="The network has found its best slope; more steps find the same one.",
        ),
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=0.05),
            why="It only gets faster to the best function that one unit can draw.",
        ),
        Rival(
            name="more layers of one unit",
            recipe=_DEEP,
            why="All that a deeper layer sees still comes through the one unit before it.",
        ),
    ),
    claim=Claim(score="test_r2", better="higher", broken_bound=0.2, fixed_bound=0.5, margin=0.35),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="hidden",
            label="units in each hidden layer",
            values=(1, 2, 4, 8, 16, 32, 64),
            start=64,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(hidden=1),
        fixed=_KERAS,
        note="What a network can draw depends on its shape alone, not on the framework.",
    ),
    sources=(
        Source(key="D2", title=D2, section="Model architecture problems: insufficient capacity"),
    ),
)
