"""Momentum too high: each step carries the sum of the last hundred.

With momentum β a constant gradient ends in steps 1/(1 - β) times as long: ten times for 0.9, a
hundred times for 0.99. A learning rate that suits the one is ten times too high for the other,
and the velocity keeps pushing for a hundred steps after the gradient has turned. Either number
alone looks ordinary; what counts is the rate divided by 1 - β.
"""

from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_clipping, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, Source


def build(
    seed: int,
    device: str,
    *,
    momentum: float = 0.99,
    nesterov: bool = False,
    lr: float = 0.1,
    epochs: int = 8,
) -> Setup:
    """The digits classifier.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        momentum: Momentum of SGD.
        nesterov: Whether the gradient is taken where the velocity leads.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=16, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum, nesterov=nesterov)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Adam at an ordinary learning rate."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    momentum: float = 0.99,
    epochs: int = 8,
) -> Setup:
    """The same classifier in Keras."""
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.1, momentum=momentum)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=16,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="momentum-too-high",
    family="optimization",
    kind="trains",
    question="The loss rises in slow, wide swings at a learning rate that always worked. Why?",
    lesson="13_optimizers_and_schedules",
    broken=_BROKEN,
    fixed=_BROKEN.having(momentum=0.9),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="three times as many epochs",
            recipe=_BROKEN.having(epochs=24),
            why="The swings have killed most hidden units, and those do not come back.",
        ),
        Rival(
            name="Nesterov momentum",
            recipe=_BROKEN.having(nesterov=True),
            why="Looking one step ahead does not help against a push of a hundred steps.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipping, evaluate=evaluate),
            why="Each gradient is bounded, and a hundred bounded ones still add up.",
        ),
        Rival(
            name="a learning rate ten times as low",
            recipe=_BROKEN.having(lr=0.01),
            why="It repairs the same product, the rate divided by 1 - momentum, from its other "
            "side.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.6, fixed_bound=0.84, margin=0.3
    ),
    shows=(
        Sign(quantity="loss", read="last"),
        Sign(quantity="dead_fraction", read="last"),
        Sign(quantity="weight_norm", read="last"),
    ),
    knobs=(
        Knob(
            name="momentum",
            label="momentum",
            values=(0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995),
            start=0.9,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(momentum=0.9),
        note="Keras multiplies the gradient by the rate before it adds it to the velocity: the "
        "same steps while the rate is constant.",
    ),
    sources=(Source(key="D1", title=D1, section="2. Optimizer Misconfigurations"),),
)
