"""Decay too early: a factor of 0.1 leaves a tenth of the learning rate, not nine tenths.

``StepLR`` multiplies the rate by gamma. With ``gamma=0.1`` every ten epochs the rate is 0.01,
0.001, 0.0001 …: all steps after the first ten epochs together are a tenth of the first ten
epochs' steps, so training is over after the tenth epoch however long it runs. To take away ten
per cent, gamma must be 0.9.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_decaying, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, Source


def build(
    seed: int,
    device: str,
    *,
    gamma: float = 0.1,
    lr: float = 0.01,
    hidden: int = 64,
    epochs: int = 50,
) -> Setup:
    """The digits classifier, all rows in one batch; optimizer and scheduler as in the document.

    Args:
        seed: Sets the split and the first weights.
        device: Where model and data live.
        gamma: What the learning rate is multiplied by every ten epochs.
        lr: First learning rate of Adam.
        hidden: Hidden units.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=len(rows), seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = StepLR(optimizer, step_size=10, gamma=gamma)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, scheduler=scheduler,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """SGD with momentum at one rate; no scheduler."""
    setup = build(seed, device)
    optimizer = torch.optim.SGD(setup.model.parameters(), lr=0.3, momentum=0.9)
    return replace(setup, optimizer=optimizer)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    decay_rate: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras; the rate falls every two epochs of nine batches."""
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    schedule = keras.optimizers.schedules.ExponentialDecay(
        0.003, decay_steps=18, decay_rate=decay_rate, staircase=True
    )
    optimizer = keras.optimizers.Adam(schedule)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=128,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train_decaying, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="decay-too-early",
    family="optimization",
    kind="trains",
    question="The loss falls well for ten epochs and then lies flat, though it is still high. Why?",
    lesson="13_optimizers_and_schedules",
    broken=_BROKEN,
    fixed=_BROKEN.having(gamma=0.9),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="twice as many epochs",
            recipe=_BROKEN.having(epochs=100),
            why="The rate is a hundred-thousandth of the first by then: nothing moves any more.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=256),
            why="It gets further in the ten epochs that it has, and stops after them as well.",
        ),
        Rival(
            name="a first rate three times as high",
            recipe=_BROKEN.having(lr=0.03),
            why="It hides the cause: ten longer steps are nearly enough for this small task, and "
            "the rate is gone after them all the same.",
        ),
    ),
    claim=Claim(
        score="test_loss",
        better="lower",
        broken_bound=0.6,
        fixed_bound=0.35,
        margin=2.5,
        ratio=True,
    ),
    shows=(
        Sign(quantity="learning_rate", read="last"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="gamma",
            label="what the rate is multiplied by every ten epochs",
            values=(0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0),
            start=0.9,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(decay_rate=0.9),
        note="ExponentialDecay counts batches, so its interval is 18 of them, two epochs.",
    ),
    sources=(Source(key="D1", title=D1, section="Example 2: Learning Rate Scheduling"),),
    finding="The document's comment says that gamma=0.1 reduces the rate by ten per cent; it "
    "reduces it to ten per cent. Over fifty epochs the rate falls from 0.01 to 0.000001, and the "
    "median test loss ends at 1.00, with gamma=0.9 at 0.14.",
)
