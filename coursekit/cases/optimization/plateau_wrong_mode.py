"""ReduceLROnPlateau in mode "max" on a loss: each improvement is taken for a failure.

The scheduler cuts the rate when its number has not become better for a while. In mode "max"
better means higher. A loss that falls in every epoch then never gets better: the rate is cut by
ten every other epoch, exactly because training goes well, and soon nothing moves.
"""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_watching
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, Source


def build(
    seed: int,
    device: str,
    *,
    mode: Literal["min", "max"] = "max",
    lr: float = 0.003,
    patience: int = 1,
    epochs: int = 40,
) -> Setup:
    """The digits classifier with a scheduler that watches the validation loss.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        mode: ``"min"`` where lower is better, ``"max"`` where higher is.
        lr: First learning rate of Adam.
        patience: Epochs without improvement that are let pass before the rate is cut.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=256, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = ReduceLROnPlateau(optimizer, mode=mode, patience=patience)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, scheduler=scheduler,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """SGD at a constant rate; no scheduler."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.3))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    mode: Literal["min", "max"] = "max",
    epochs: int = 15,
) -> Setup:
    """The same classifier in Keras, where the scheduler is a callback."""
    import keras

    rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.003)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", mode=mode, patience=1)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer, scheduler=callback,
        train=rows, val=val, test=test, epochs=epochs, batch_size=128,
    )  # fmt: skip


def train_keras_watching(setup: Setup) -> Iterator[int]:
    """The twin's training: one ``model.fit`` with validation rows and the callback."""
    inputs, labels = setup.train
    with warnings.catch_warnings():  # the callback reads the rate in a way NumPy 2 deprecates
        warnings.simplefilter("ignore", DeprecationWarning)
        setup.model.fit(
            inputs, labels, batch_size=setup.batch_size, epochs=setup.epochs,
            validation_data=setup.val, callbacks=[setup.scheduler], verbose=0,
        )  # fmt: skip
    yield setup.epochs


_BROKEN = Recipe(build=build, train=train_watching, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras_watching, evaluate=evaluate_keras)

CASE = Case(
    name="plateau-wrong-mode",
    family="optimization",
    kind="trains",
    question="The loss falls from the first epoch on, and stops early at a high value. Why?",
    lesson="13_optimizers_and_schedules",
    broken=_BROKEN,
    fixed=_BROKEN.having(mode="min"),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="twice as many epochs",
            recipe=_BROKEN.having(epochs=80),
            why="The rate is at a millionth by then: more epochs are more standing still.",
        ),
        Rival(
            name="more patience",
            recipe=_BROKEN.having(patience=4),
            why="The scheduler cuts later, and for the same wrong reason.",
        ),
        Rival(
            name="a first rate three times as high",
            recipe=_BROKEN.having(lr=0.01),
            why="It hides the cause: the first epochs get further before the rate is cut.",
        ),
    ),
    claim=Claim(
        score="test_loss",
        better="lower",
        broken_bound=1.3,
        fixed_bound=0.4,
        margin=3.5,
        ratio=True,
    ),
    shows=(
        Sign(quantity="learning_rate", read="last"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="patience",
            label="epochs without improvement that are let pass",
            values=(0, 1, 2, 5, 10),
            start=1,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(mode="min"),
        note="The callback's default mode, auto, reads the direction from the metric's name; "
        "only an explicit max fails.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer Misconfigurations"),
        Source(key="D2", title=D2, section="Optimization Strategy Issues; example 3"),
    ),
)
