"""Zero initialisation: all weights start at zero, and nothing can tell them apart.

A hidden unit with zero weights gives zero, so the last layer's weights get no gradient. The
last layer's weights are zero, so no gradient gets through to the hidden units. Only the last
bias learns: the class frequencies. A common constant in place of zero lets gradients through,
but all units of a layer get the same one, so a layer stays one unit copied many times.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn
from torch.nn.init import zeros_
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    start: Callable[[torch.Tensor], object] | None = None,
    method: type[SGD] | type[Adam] = SGD,
    lr: float = 0.3,
    epochs: int = 10,
) -> Setup:
    """A network of three weight layers on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        start: Fills each weight and bias in place; None keeps what the layers draw themselves.
        method: The optimizer.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(),
        nn.Linear(64, 64), nn.ReLU(),
        nn.Linear(64, 10),
    ).to(device)  # fmt: skip
    if start is not None:
        for parameter in model.parameters():
            start(parameter)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = method(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def one_hundredth(parameter: torch.Tensor) -> torch.Tensor:
    """The same small number everywhere."""
    return nn.init.constant_(parameter, 0.01)


def build_xavier(seed: int, device: str) -> Setup:
    """Xavier weights, zero biases, and Adam."""
    setup = build(seed, device)
    for parameter in setup.model.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)  # zero is a good start for a bias
    return replace(setup, optimizer=Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    start: str = "glorot_uniform",
    lr: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """The same network in Keras; its biases start at zero anyway."""
    import keras

    parts = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu", kernel_initializer=start),
            keras.layers.Dense(64, activation="relu", kernel_initializer=start),
            keras.layers.Dense(10, kernel_initializer=start),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(start=zeros_)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="zero-initialisation",
    family="architecture",
    kind="trains",
    question="The loss stands at the logarithm of the number of classes from the start. Why?",
    lesson="04_vanishing_gradients",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=Recipe(build=build_xavier, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a small constant",
            recipe=_FIXED.having(start=one_hundredth),
            why="All units of a layer start alike and get the same gradient, so they stay alike.",
        ),
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=3.0),
            why="Any learning rate times a gradient of zero is zero.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=_BROKEN.having(method=Adam, lr=0.003),
            why="It makes small gradients large, but a zero stays zero.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=30),
            why="Nothing moves but the last bias, and that has arrived.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.3, fixed_bound=0.74, margin=0.5
    ),
    shows=(
        Sign(quantity="gradient_norm", read="highest", layer="0"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(start="zeros"),
        fixed=_KERAS,
        note="The keyword is kernel_initializer; the default, Glorot, is random.",
    ),
    sources=(
        Source(key="D1", title=D1, section="3. Architectural flaws: vanishing gradients"),
        Source(key="D2", title=D2, section="Model architecture problems: vanishing gradients"),
    ),
)
