"""Too much dropout: most of the signal is thrown away in every step.

Dropout at .95 keeps one hidden unit in twenty, and multiplies what it keeps by twenty. Two such
layers in a row leave three units of 64 each: the output is mostly noise, and for many rows
nothing gets through at all. The network learns to trust the last bias alone. Dropout slows
overfitting by adding noise; past some strength only the noise is left.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    dropout: float = 0.2,
    hidden: int = 64,
    lr: float = 0.003,
    epochs: int = 10,
) -> Setup:
    """A network with dropout after each hidden layer, on digits.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        dropout: Share of the hidden units that each training step silences.
        hidden: Units in each of the two hidden layers.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, 10),
    ).to(device)  # fmt: skip
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_without(seed: int, device: str) -> Setup:
    """The network without dropout, with SGD and momentum."""
    setup = build(seed, device, dropout=0.0)
    return replace(
        setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.05, momentum=0.9)
    )


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    dropout: float = 0.2,
    lr: float = 0.003,
    epochs: int = 10,
) -> Setup:
    """The same network in Keras."""
    import keras

    parts = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(10),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_FIXED = Recipe(build=build, train=train, evaluate=evaluate)
_BROKEN = _FIXED.having(dropout=0.95)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="too-much-dropout",
    family="architecture",
    kind="trains",
    question="To be safe from overfitting I took no chances. Now it learns nothing. Why?",
    lesson="10_capacity_and_overfitting",
    broken=_BROKEN,
    fixed=_FIXED,
    healthy=Recipe(build=build_without, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=0.03),
            why="Longer steps along gradients that are mostly noise.",
        ),
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=30),
            why="Each epoch brings noise as strong as the one before.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="More units survive each step, which buys signal back: it hides the cause.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.45, fixed_bound=0.85, margin=0.4
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="dropout",
            label="dropout (share of hidden units silenced)",
            values=(0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95),
            start=0.2,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS.having(dropout=0.95),
        fixed=_KERAS,
        note="Keras's Dropout is the same layer; model.fit and model.evaluate set its mode.",
    ),
    sources=(
        Source(key="D1", title=D1, section="3. Architectural flaws: overfitting, dropout"),
        Source(key="D2", title=D2, section="1. Optimization strategy issues: regularization"),
    ),
)
