"""Augmentation left on: the noise that training adds to pictures is added in use as well.

Noise makes the task harder on purpose, so that the network cannot lean on single pixels. In
use it only destroys: what was drowned is gone, and the same picture, shown twice, may get two
answers. ``model.eval()`` does not help, because the noise is added outside of the model.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Twin
from coursekit.cases.plain import train as train_plain
from coursekit.cases.plain import train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, Source


class Noise(nn.Module):
    """Adds noise to each picture that it is called with, in training mode."""

    def __init__(self, deviation: float, seed: int) -> None:
        super().__init__()
        self.deviation = deviation
        self.chance = torch.Generator().manual_seed(seed)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The pictures with noise, or as they are in evaluation mode; shape (…, 64)."""
        if not self.training:
            return inputs
        noise = torch.randn(inputs.shape, generator=self.chance).to(inputs.device)
        return inputs + self.deviation * noise


def build(
    seed: int, device: str, *, noise: float = 0.8, hidden: int = 128, epochs: int = 12
) -> Setup:
    """A network on digits, and the noise that its training adds to them.

    Args:
        seed: Sets the split, the first weights, the order of the batches and the noise.
        device: Where model and data live.
        noise: Standard deviation of the noise, in grey levels from 0 to 1.
        hidden: Hidden units.
        epochs: Passes over the training rows, each with new noise.
    """
    train_rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train_rows, batch_size=64, seed=seed)
    augment = Noise(noise, seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10)).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs, extra=augment,
    )  # fmt: skip


def train(setup: Setup) -> Iterator[int]:
    """Train on pictures with noise, new in each epoch."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(setup.extra(inputs)), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def evaluate_augmenting(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows as they are, and in use with the noise of training."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.val.tensors
        estimate = (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
        inputs, labels = setup.test.tensors
        first = setup.model(setup.extra(inputs)).argmax(dim=1)
        again = setup.model(setup.extra(inputs)).argmax(dim=1)
        truth = (first == labels).float().mean().item()
        changed = (first != again).float().mean().item()  # the same pictures, another answer
    return {
        "estimate": estimate, "truth": truth, "overestimate": estimate - truth, "changed": changed,
    }  # fmt: skip


def evaluate(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows, and in use: both as they are."""
    setup.model.eval()
    with torch.no_grad():
        inputs, labels = setup.val.tensors
        estimate = (setup.model(inputs).argmax(dim=1) == labels).float().mean().item()
        inputs, labels = setup.test.tensors
        first = setup.model(inputs).argmax(dim=1)
        again = setup.model(inputs).argmax(dim=1)
        truth = (first == labels).float().mean().item()
        changed = (first != again).float().mean().item()
    return {
        "estimate": estimate, "truth": truth, "overestimate": estimate - truth, "changed": changed,
    }  # fmt: skip


def evaluate_averaging(setup: Setup) -> dict[str, float]:
    """As `evaluate_augmenting`, with the mean answer to twenty noisy copies of each picture."""
    scores = evaluate_augmenting(setup)
    with torch.no_grad():
        inputs, labels = setup.test.tensors
        copies = inputs.repeat(20, 1, 1)  # (copies, rows, 64)
        answers = setup.model(setup.extra(copies)).mean(dim=0).argmax(dim=1)
        truth = (answers == labels).float().mean().item()
    return {**scores, "truth": truth, "overestimate": scores["estimate"] - truth}


def build_healthy(seed: int, device: str) -> Setup:
    """The noise is a layer of the model, which ``eval()`` turns off, and SGD trains it."""
    setup = build(seed, device)
    model = nn.Sequential(setup.extra, *setup.model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return replace(setup, model=model, optimizer=optimizer)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    noise: float = 0.8,
    epochs: int = 15,
) -> Setup:
    """The same network in Keras, with the noise as a layer."""
    import keras

    train_rows, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.GaussianNoise(noise, seed=seed),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.005)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val, test=test, epochs=epochs, batch_size=64,
    )  # fmt: skip


def evaluate_augmenting_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows, and in use with the layers in training mode."""
    (inputs, labels), (x_test, y_test) = setup.val, setup.test
    estimate = float((np.array(setup.model(inputs)).argmax(axis=1) == labels).mean())
    logits = np.array(setup.model(x_test, training=True))
    truth = float((logits.argmax(axis=1) == y_test).mean())
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


def evaluate_keras(setup: Setup) -> dict[str, float]:
    """Accuracy on validation rows, and in use: the layers in evaluation mode."""
    (inputs, labels), (x_test, y_test) = setup.val, setup.test
    estimate = float((np.array(setup.model(inputs)).argmax(axis=1) == labels).mean())
    logits = np.array(setup.model(x_test, training=False))
    truth = float((logits.argmax(axis=1) == y_test).mean())
    return {"estimate": estimate, "truth": truth, "overestimate": estimate - truth}


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_augmenting)

CASE = Case(
    name="augmentation-left-on",
    family="data",
    kind="misjudges",
    question="In use the same picture gets one answer now and another one later. Why?",
    lesson="02_mismatched_transforms",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train, evaluate=evaluate),
    healthy=Recipe(build=build_healthy, train=train_plain, evaluate=evaluate),
    rivals=(
        Rival(
            name="more epochs",
            recipe=_BROKEN.having(epochs=36),
            why="More training cannot bring back what the noise in use covers.",
        ),
        Rival(
            name="a wider network",
            recipe=_BROKEN.having(hidden=512),
            why="A network of any size gets pictures of which the noise has taken a part.",
        ),
        Rival(
            name="the mean answer to twenty noisy copies",
            recipe=Recipe(build=build, train=train, evaluate=evaluate_averaging),
            why="It hides the cause: the noise averages out, at twenty times the work, and nobody "
            "needed it there.",
        ),
    ),
    claim=Claim(score="truth", better="higher", broken_bound=0.68, fixed_bound=0.83, margin=0.2),
    shows=(),  # training is the same run, bit for bit: only its use differs
    knobs=(
        Knob(
            name="noise",
            label="noise in training (standard deviation, grey levels 0 to 1)",
            values=(0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0),
            start=0.8,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_augmenting_keras),
        fixed=Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras),
        note="In Keras the noise is a layer, off in predict and evaluate; it stays on where the "
        "model is called with training=True.",
    ),
    sources=(
        Source(key="D1", title=D1, section="1. Data preprocessing inconsistencies"),
        Source(key="D1", title=D1, section="Example 1: data normalization"),
    ),
)
