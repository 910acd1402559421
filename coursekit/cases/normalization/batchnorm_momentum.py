"""Running averages that have not arrived: BatchNorm with a slow momentum and few steps.

In training BatchNorm divides by the statistics of the batch, in evaluation by running averages
that start at mean 0 and variance 1. Each step moves them a small part of the way: after n steps
at momentum m the start still weighs (1 − m)ⁿ, and what came early still counts. The network
that is tested is then not the one that trained, and each further layer multiplies the error.
The training loss shows nothing of it.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D0, Source


def build(
    seed: int,
    device: str,
    *,
    momentum: float = 0.01,
    lr: float = 0.01,
    epochs: int = 5,
) -> Setup:
    """Digits, eight hidden layers of sigmoids with BatchNorm.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        momentum: The part of the way that a running average moves in a step.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    train, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train, batch_size=64, seed=seed)
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(8):
        layers += [nn.Linear(64, 64), nn.BatchNorm1d(64, momentum=momentum), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_decay(seed: int, device: str) -> Setup:
    """The slow averages with weight decay, as against overfitting."""
    setup = build(seed, device)
    optimizer = torch.optim.AdamW(setup.model.parameters(), lr=0.01, weight_decay=0.1)
    return replace(setup, optimizer=optimizer)


def build_healthy(seed: int, device: str) -> Setup:
    """A network without running averages."""
    setup = build(seed, device, epochs=12)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    return replace(setup, model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.01))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    momentum: float = 0.99,
    epochs: int = 6,
) -> Setup:
    """The same network in Keras, where momentum is the part that stays: 0.99 by default."""
    import keras

    train, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((64,))])
    for _ in range(8):
        model.add(keras.layers.Dense(64))
        model.add(keras.layers.BatchNormalization(momentum=momentum))
        model.add(keras.layers.Activation("sigmoid"))
    model.add(keras.layers.Dense(10))
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train, val=val, test=test, epochs=epochs, batch_size=64,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="batchnorm-momentum",
    family="normalization",
    kind="trains",
    question="The training loss falls as it should, and the test accuracy stays at chance. "
    "It is not overfitting. What is it?",
    lesson="11_normalisation_layers",
    broken=_BROKEN,
    fixed=_BROKEN.having(momentum=0.1),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.001),
            why="The averages move by the step, whatever its length.",
        ),
        Rival(
            name="weight decay, as against overfitting",
            recipe=Recipe(build=build_decay, train=train, evaluate=evaluate),
            why="The gap between training and test looks like overfitting and is not: even the "
            "training rows fail in evaluation mode.",
        ),
        Rival(
            name="a few more epochs",
            recipe=_BROKEN.having(epochs=9),
            why="The averages come nearer with every step, so enough steps hide the cause.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.5, fixed_bound=0.7, margin=0.25
    ),
    shows=(),  # training never reads the running averages: it is the same run
    knobs=(
        Knob(
            name="momentum",
            label="part of the way per step",
            values=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            start=0.1,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(momentum=0.9),
        note="Keras counts the part that stays, so its 0.99 is PyTorch's 0.01, and it is the "
        "default: there the failure comes by itself.",
    ),
    sources=(Source(key="D0", title=D0, section="Batch normalization; example 2"),),
)
