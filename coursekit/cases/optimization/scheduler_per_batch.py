"""A scheduler stepped per batch: ten epochs of learning are over after ten batches.

``StepLR(step_size=10)`` counts how often it is stepped, and nothing else. Stepped in the batch
loop it cuts the learning rate to a tenth after ten batches, to a hundredth after twenty. One
epoch has 34 batches: before its end the rate is a thousandth of what was set, and all later
steps together move the weights less than the first ten did.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_decaying, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, TORCH_OPTIM, Source

BATCHES_PER_EPOCH = 34  # 1,078 training rows in batches of 32


def build(
    seed: int,
    device: str,
    *,
    lr: float = 0.1,
    step_size: int = 10,
    gamma: float = 0.1,
    epochs: int = 15,
) -> Setup:
    """The digits classifier with a learning rate that falls in steps.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        lr: First learning rate of SGD.
        step_size: Steps of the scheduler after which the rate falls.
        gamma: What the rate is multiplied by each time.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = StepLR(optimizer, step_size=step_size, gamma=gamma)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, scheduler=scheduler,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Adam at an ordinary rate that no scheduler touches."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.003))


def train_stepping_per_batch(setup: Setup) -> Iterator[int]:
    """The scheduler steps in the loop over the batches."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
            setup.scheduler.step()
        yield epoch + 1


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    decay_steps: int = 10,
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras, whose schedules count batches.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Not used.
        decay_steps: Batches after which the rate falls to a tenth.
        epochs: Passes over the training rows.
    """
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    schedule = keras.optimizers.schedules.ExponentialDecay(
        0.1, decay_steps=decay_steps, decay_rate=0.1, staircase=True
    )
    optimizer = keras.optimizers.SGD(schedule)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train_stepping_per_batch, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="scheduler-per-batch",
    family="optimization",
    kind="trains",
    question="The loss falls for a moment, then nothing moves, whatever I wait for. Why?",
    lesson="03_learning_rate",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_decaying, evaluate=evaluate),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=40),
            why="The rate is gone before the first epoch ends, so later epochs change nothing.",
        ),
        Rival(
            name="a gentler decay",
            recipe=_BROKEN.having(gamma=0.5),
            why="Halved every ten batches, the rate is gone after the third epoch.",
        ),
        Rival(
            name="a first rate three times as high",
            recipe=_BROKEN.having(lr=0.3),
            why="Ten longer steps get further than ten short ones, and then the rate is gone too.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.6, fixed_bound=0.86, margin=0.3
    ),
    shows=(
        Sign(quantity="learning_rate", read="last"),
        Sign(quantity="update_ratio", read="last"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="step_size",
            label="epochs until the rate falls to a tenth",
            values=(1, 2, 3, 5, 10, 15),
            start=10,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(decay_steps=10 * BATCHES_PER_EPOCH),
        note="A LearningRateSchedule counts batches: the mistake is to give it epochs.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer Misconfigurations; example 2"),
        Source(key="D2", title=D2, section="Optimization Strategy Issues"),
        TORCH_OPTIM,
    ),
)
