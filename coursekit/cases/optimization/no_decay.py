"""No decay: a learning rate that is too hot to settle at, kept to the end.

With batches the gradient is noisy, and a constant rate turns the noise into a constant shaking
of the weights, which is larger the higher the rate. A rate that is good for the first epochs
may thus shake too much for the last. Letting it fall along a cosine to zero keeps the fast
start and lets the weights settle. Where the rate was moderate to begin with there is nothing
to settle, and decay only makes the later epochs shorter.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import (
    evaluate_training_loss,
    evaluate_training_loss_keras,
    train,
    train_decaying,
    train_keras,
)
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D3, Source

BATCHES_PER_EPOCH = 34  # 1,078 training rows in batches of 32


def build(
    seed: int,
    device: str,
    *,
    decay: type[CosineAnnealingLR] | None = None,
    lr: float = 0.6,
    hidden: int = 32,
    epochs: int = 20,
) -> Setup:
    """The digits classifier at a hot learning rate.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        decay: A scheduler that takes the rate to zero at the end; None keeps it constant.
        lr: First learning rate of SGD.
        hidden: Hidden units.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    scheduler = None
    if decay is not None:
        scheduler = decay(optimizer, T_max=epochs)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, scheduler=scheduler,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Adam at a constant, moderate rate."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    decay_steps: int | None = None,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Not used.
        decay_steps: Batches in which the rate falls to zero; None keeps it constant.
        epochs: Passes over the training rows.
    """
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="tanh"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = 0.6
    if decay_steps is not None:
        rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps=decay_steps)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_training_loss)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_training_loss_keras)

CASE = Case(
    name="no-decay",
    family="optimization",
    kind="trains",
    question="The loss comes down fast, then jumps about and never settles. Why?",
    lesson="13_optimizers_and_schedules",
    broken=_BROKEN,
    fixed=Recipe(
        build=partial(build, decay=CosineAnnealingLR),
        train=train_decaying,
        evaluate=evaluate_training_loss,
    ),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_training_loss),
    rivals=(
        Rival(
            name="twice as many epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The shaking does not fade with time: its size is set by the rate.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=128),
            why="More weights are shaken by the same rate.",
        ),
        Rival(
            name="a lower constant rate",
            recipe=_BROKEN.having(lr=0.05),
            why="It removes the same cause, a rate too hot to settle at: with this rate from the "
            "start no decay would be needed.",
        ),
    ),
    claim=Claim(
        score="train_loss",
        better="lower",
        broken_bound=0.25,
        fixed_bound=0.12,
        margin=4.0,
        ratio=True,
    ),
    shows=(
        Sign(quantity="loss", read="last"),
        Sign(quantity="update_ratio", read="last"),
        Sign(quantity="learning_rate", read="last"),
    ),
    knobs=(
        Knob(
            name="lr",
            label="first learning rate",
            values=(0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0, 2.0),
            start=0.6,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(decay_steps=15 * BATCHES_PER_EPOCH),
        claim=Claim(
            score="train_loss",
            better="lower",
            broken_bound=0.25,
            fixed_bound=0.15,
            margin=2.0,
            ratio=True,
        ),
        note="CosineDecay falls after every batch, not after every epoch.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer Misconfigurations"),
        Source(key="D3", title=D3, section="Example 3: Adaptive learning rate"),
    ),
    finding="Decay helps only where the rate is too hot to settle at. At a first rate of 0.6 the "
    "median training loss was 0.025 with the cosine and 1.16 without; at 0.1, 0.03, 0.01 and 0.003 "
    "the constant rate ended at about half of the cosine's loss (0.014 against 0.029 at 0.1).",
)
