"""Label noise: nearly every second label is wrong, and the network has room to learn all of them.

What the right labels have in common is learned first, by all weights together. The wrong ones
have nothing in common: each must be learned by heart, which takes longer and bends the answers
for rows nearby. So the accuracy on clean rows rises, and falls again while the training loss
goes on falling. The best network lies early; only rows outside the training show when.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, ZHANG_2017, Source


def mislabelled(y: npt.NDArray[Any], share: float, rng: np.random.Generator) -> npt.NDArray[Any]:
    """A copy of the labels, shape (rows,), in which a share of them names another class."""
    rows = rng.permutation(len(y))[: round(share * len(y))]
    noisy = y.copy()
    noisy[rows] = (y[rows] + rng.integers(1, 10, size=len(rows))) % 10
    return noisy


def build(
    seed: int,
    device: str,
    *,
    noise: float = 0.45,
    hidden: int = 512,
    label_smoothing: float = 0.0,
    lr: float = 0.005,
    epochs: int = 60,
) -> Setup:
    """Digits with wrong labels among the training and the validation rows; test rows are clean.

    Args:
        seed: Sets the split, the wrong labels, the first weights and the order of the batches.
        device: Where model and data live.
        noise: Share of the labels that are wrong.
        hidden: Hidden units.
        label_smoothing: Share of each target that is spread over all classes.
        lr: Learning rate of Adam.
        epochs: Passes over the training rows, at most.
    """
    (x, y), (x_val, y_val), test_rows = digits(seed)
    rng = np.random.default_rng(seed)
    rows = tensors((x, mislabelled(y, noise, rng)), device)
    val = tensors((x_val, mislabelled(y_val, noise, rng)), device)
    test = tensors(test_rows, device)
    loader = batches(rows, batch_size=64, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=label_smoothing)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def train_stopping_early(setup: Setup, *, patience: int = 20) -> Iterator[int]:
    """Keep the weights of the best validation loss; stop when it has not fallen for a while."""
    best_loss = float("inf")
    best_epoch = 0
    best_weights = deepcopy(setup.model.state_dict())
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1
        with torch.no_grad():
            inputs, labels = setup.val.tensors
            val_loss = setup.loss_fn(setup.model(inputs), labels).item()
        if val_loss < best_loss:
            best_loss, best_epoch = val_loss, epoch
            best_weights = deepcopy(setup.model.state_dict())
        if epoch - best_epoch == patience:
            break
    setup.model.load_state_dict(best_weights)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    noise: float = 0.45,
    lr: float = 0.005,
    epochs: int = 60,
) -> Setup:
    """The same labels and the same network in Keras."""
    import keras

    (x, y), (x_val, y_val), test = digits(seed)
    rng = np.random.default_rng(seed)
    train_rows = (x, mislabelled(y, noise, rng))
    val = (x_val, mislabelled(y_val, noise, rng))

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(512, activation="relu"), keras.layers.Dense(10)]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(lr)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=64,
    )  # fmt: skip


def train_stopping_early_keras(setup: Setup, *, patience: int = 20) -> Iterator[int]:
    """One ``model.fit`` that stops early and takes the best weights back."""
    import keras

    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=patience, restore_best_weights=True
    )
    inputs, labels = setup.train
    setup.model.fit(
        inputs, labels, validation_data=setup.val, callbacks=[stopping],
        batch_size=setup.batch_size, epochs=setup.epochs, verbose=0,
    )  # fmt: skip
    yield setup.epochs


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_HEALTHY = _BROKEN.having(noise=0.0)

CASE = Case(
    name="label-noise",
    family="data",
    kind="trains",
    question="The training loss falls to the end, but new rows get worse and worse. Why?",
    lesson="08_missing_and_corrupted_data",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_stopping_early, evaluate=evaluate),
    healthy=_HEALTHY,
    closes=0.6,
    mitigation="Stopping early keeps most wrong labels from being learned; it corrects none.",
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=100),
            why="More passes learn the rest of the wrong labels by heart.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=1024),
            why="More units have more room for wrong labels.",
        ),
        Rival(
            name="label smoothing",
            recipe=_BROKEN.having(label_smoothing=0.4),
            why="Softer targets make the wrong labels no less wrong: they are still learned.",
        ),
    ),
    claim=Claim(
        score="test_accuracy",
        better="higher",
        broken_bound=0.77,
        fixed_bound=0.8,
        margin=0.1,
        reason="A mitigation: the weights are kept from before most wrong labels are learned.",
    ),
    shows=(Sign(quantity="loss", read="last"),),
    knobs=(
        Knob(
            name="noise",
            label="share of wrong labels",
            values=(0.0, 0.15, 0.3, 0.45, 0.6, 0.75),
            start=0.45,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras),
        fixed=Recipe(build=build_keras, train=train_stopping_early_keras, evaluate=evaluate_keras),
        note="Keras has the loop of the fix as a callback, EarlyStopping.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies: corrupted data"),
        Source(key="D1", title=D1, section="3. Architectural flaws: early stopping"),
        ZHANG_2017,
    ),
    long_diff="Stopping early is a loop of its own: it measures, remembers and restores.",
)
