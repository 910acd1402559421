"""BatchNorm with two rows in a batch: what a layer puts out hangs on the row's one partner.

Of two numbers, normalised by their own mean and deviation, one is always +1 and the other −1:
how far apart they were is lost. So each unit learns from "higher or lower than the partner",
and the partner is drawn anew in every epoch. In evaluation mode the running averages stand in
for the pair, and the units see values that training never gave them. LayerNorm takes mean and
deviation over the units of one row, so that no row depends on another.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import BatchNorm1d, LayerNorm

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
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
    train, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train, batch_size=batch_size, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, 64), norm(64), nn.ReLU(),
        nn.Linear(64, 64), norm(64), nn.ReLU(),
        nn.Linear(64, 64), norm(64), nn.ReLU(),
        nn.Linear(64, 64), norm(64), nn.ReLU(),
        nn.Linear(64, 10),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_long_memory(seed: int, device: str) -> Setup:
    """Batches of two, the running averages taken over a hundred batches in place of ten."""
    setup = build(seed, device)
    for layer in setup.model:
        if isinstance(layer, BatchNorm1d):
            layer.momentum = 0.01
    return setup


def build_adam(seed: int, device: str) -> Setup:
    """Batches of two, with Adam in place of SGD."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.001))


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
    for _ in range(3):
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
            why="Smaller steps average more pairs, but each pair still keeps nothing but a sign.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=8),
            why="Every epoch draws new pairs, and no number of pairs carries a distance.",
        ),
        Rival(
            name="a longer running average",
            recipe=Recipe(build=build_long_memory, train=train, evaluate=evaluate),
            why="It steadies the statistics of evaluation; training never used them.",
        ),
        Rival(
            name="Adam in place of SGD",
            recipe=Recipe(build=build_adam, train=train, evaluate=evaluate),
            why="It rescales the steps; what the layers put out is still set by the partner.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.65, fixed_bound=0.8, margin=0.2
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="batch_size",
            label="rows in a batch",
            values=(2, 4, 8, 16, 32, 64),
            start=2,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(norm="LayerNormalization"),
        claim=Claim(
            score="test_accuracy", better="higher", broken_bound=0.75, fixed_bound=0.87, margin=0.2
        ),
        note="The layer is called BatchNormalization and its running averages move ten times "
        "more slowly; three hidden layers, two epochs.",
    ),
    sources=(Source(key="D0", title=D0, section="Layer normalization"),),
)
