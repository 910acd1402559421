"""A cosine that comes back: the learning rate climbs again after half of the run.

``CosineAnnealingLR`` goes on along the cosine when ``T_max`` is over: the rate that has fallen to
zero at epoch 10 rises to its first value at epoch 20. Where the first rate is too hot to settle
at, the run ends as badly as one without any decay, and what had settled at half time is shaken
up again. ``T_max`` is the length of the whole run.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from coursekit.cases.case import Case, Claim, Knob, NoDifference, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import (
    evaluate_training_loss,
    evaluate_training_loss_keras,
    train,
    train_decaying,
    train_keras,
)
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D2, LOSHCHILOV_2017, Source

BATCHES_PER_EPOCH = 34  # 1,078 training rows in batches of 32


def build(
    seed: int,
    device: str,
    *,
    t_max: int = 10,
    lr: float = 0.6,
    hidden: int = 64,
    epochs: int = 20,
) -> Setup:
    """The digits classifier with a hot learning rate that follows a cosine.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        t_max: Epochs in which the rate falls to zero.
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
    scheduler = CosineAnnealingLR(optimizer, T_max=t_max)
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
    decay_steps: int = 7 * BATCHES_PER_EPOCH,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Not used.
        decay_steps: Batches in which the rate falls to zero.
        epochs: Passes over the training rows.
    """
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(32, activation="tanh"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = keras.optimizers.schedules.CosineDecay(0.6, decay_steps=decay_steps)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train_decaying, evaluate=evaluate_training_loss)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_training_loss_keras)

CASE = Case(
    name="cosine-comes-back",
    family="optimization",
    kind="trains",
    question="At half time the loss is excellent, at the end it is bad again. Why?",
    lesson="13_optimizers_and_schedules",
    broken=_BROKEN,
    fixed=_BROKEN.having(t_max=20),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_training_loss),
    rivals=(
        Rival(
            name="twice as many epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The rate falls and climbs once more, and ends at its first value again.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=128),
            why="More weights are shaken up by the same returning rate.",
        ),
        Rival(
            name="a lower first rate",
            recipe=_BROKEN.having(lr=0.05),
            why="It hides the cause: the rate still climbs back, to a value that does no harm.",
        ),
    ),
    claim=Claim(
        score="train_loss",
        better="lower",
        broken_bound=0.27,
        fixed_bound=0.16,
        margin=2.0,
        ratio=True,
    ),
    shows=(
        Sign(quantity="learning_rate", read="last"),
        Sign(quantity="update_ratio", read="last"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="t_max",
            label="epochs in which the rate falls to zero",
            values=(4, 5, 7, 10, 14, 20, 30),
            start=20,
        ),
    ),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS,
        fixed=_KERAS.having(decay_steps=15 * BATCHES_PER_EPOCH),
        claim=NoDifference(score="test_accuracy", better="higher", bound=0.85, tolerance=0.08),
        note="CosineDecay stays at its end value when its steps are over, so the rate cannot "
        "climb back.",
    ),
    sources=(
        Source(key="D2", title=D2, section="Example 3: Learning Rate Scheduling"),
        LOSHCHILOV_2017,
    ),
    finding="The climb always comes, and does harm only where the first rate is too hot to settle "
    "at: from 0.6 the training loss ends ten times as high and more, but from 0.05 the accuracy "
    "was 0.96 to 0.97, as good as without a climb.",
)
