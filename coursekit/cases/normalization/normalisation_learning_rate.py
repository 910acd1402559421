"""The learning rates that work: grey levels from 0 to 255, with and without BatchNorm.

The gradient of a first-layer weight is its input times an error: inputs near 100 make steps a
hundred times as long, and the steepest direction of the loss bounds the learning rate. At 0.1
the first steps kill the hidden units. BatchNorm makes what a layer puts out independent of the
scale of its input and of its weights, so that the same learning rate lies well inside the bound.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import BatchNorm1d, Identity

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D0, IOFFE_2015, Source


def build(
    seed: int,
    device: str,
    *,
    norm: type[BatchNorm1d] | type[Identity] = Identity,
    hidden: int = 64,
    lr: float = 0.1,
    epochs: int = 12,
) -> Setup:
    """Digits in grey levels from 0 to 255.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        norm: What stands between a linear layer and its ReLU.
        hidden: Units of a hidden layer.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    train, val, test = (tensors((255 * x, y), device) for x, y in digits(seed))
    loader = batches(train, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, hidden), norm(hidden), nn.ReLU(),
        nn.Linear(hidden, hidden), norm(hidden), nn.ReLU(),
        nn.Linear(hidden, 10),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_momentum(seed: int, device: str) -> Setup:
    """The same learning rate with momentum."""
    setup = build(seed, device)
    optimizer = torch.optim.SGD(setup.model.parameters(), lr=0.1, momentum=0.9)
    return replace(setup, optimizer=optimizer)


def build_healthy(seed: int, device: str) -> Setup:
    """Grey levels from 0 to 1, and Adam."""
    setup = build(seed, device)
    train, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train, batch_size=32, seed=seed)
    optimizer = torch.optim.Adam(setup.model.parameters(), lr=0.003)
    return replace(setup, train=loader, val=val, test=test, optimizer=optimizer)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    norm: str | None = None,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    train, val, test = ((255 * x, y) for x, y in digits(seed))
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(2):
        model.add(keras.layers.Dense(64))
        if norm is not None:
            model.add(getattr(keras.layers, norm)(momentum=0.9))
        model.add(keras.layers.Activation("relu"))
    model.add(keras.layers.Dense(10))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="normalisation-learning-rate",
    family="normalization",
    kind="trains",
    question="A learning rate of 0.1 is in every tutorial, and my network stays at ten per cent. "
    "Why?",
    lesson="11_normalisation_layers",
    broken=_BROKEN,
    fixed=_BROKEN.having(norm=BatchNorm1d),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The hidden units die in the first steps, and a dead unit gets no gradient.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="More units see the same inputs, and die of the same steps.",
        ),
        Rival(
            name="momentum",
            recipe=Recipe(build=build_momentum, train=train, evaluate=evaluate),
            why="It adds up steps that are too long already.",
        ),
        Rival(
            name="the one learning rate that is small enough",
            recipe=_BROKEN.having(lr=0.001),
            why="It hides the cause: it fits these grey levels alone, while with BatchNorm a "
            "hundredfold range of rates works.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.35, fixed_bound=0.84, margin=0.5
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="dead_fraction", read="last")),
    knobs=(
        Knob(
            name="lr",
            label="learning rate",
            values=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
            start=0.1,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(norm="BatchNormalization"),
        note="Keras starts from Glorot weights and fails in the same way; its running averages "
        "are set to move as fast as PyTorch's.",
    ),
    sources=(
        Source(key="D0", title=D0, section="Batch normalization: higher learning rates"),
        Source(key="D0", title=D0, section="Closing paragraph"),
        IOFFE_2015,
    ),
)
