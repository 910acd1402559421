"""Exploding updates: one long step, a steeper place, a longer step, and nothing is left.

The weights are well drawn and the first gradient is of ordinary size. The learning rate is not:
its steps overshoot, the next gradient is larger, and with plain SGD the step is as long as the
gradient says. Within an epoch the steps are so long that every ReLU is dead or a weight is
infinite: the loss stays at ln 10, or is NaN. Clipping the gradient's norm bounds the length
of every step, so the run survives its steep places.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn
from torch.nn.init import kaiming_normal_
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_clipping, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D3, PASCANU_2013, Source


def build(
    seed: int,
    device: str,
    *,
    optimizer_type: Callable[..., torch.optim.Optimizer] = SGD,
    lr: float = 1.0,
    depth: int = 4,
    epochs: int = 12,
) -> Setup:
    """A classifier of digits with He's initial weights.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        optimizer_type: SGD, or what shall take its place.
        lr: Learning rate.
        depth: Hidden layers, of 64 units each.
        epochs: Passes over the training rows.
    """
    train_rows, val_rows, test_rows = digits(seed)
    loader = batches(tensors(train_rows, device), batch_size=32, seed=seed)
    val, test = tensors(val_rows, device), tensors(test_rows, device)
    torch.manual_seed(seed)
    hidden = [layer for _ in range(depth) for layer in (nn.Linear(64, 64), nn.ReLU())]
    model = nn.Sequential(*hidden, nn.Linear(64, 10)).to(device)
    for layer in model:
        if isinstance(layer, nn.Linear):
            kaiming_normal_(layer.weight)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optimizer_type(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def train_clipping_late(setup: Setup) -> Iterator[int]:
    """The plain loop with the clipping behind the step."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
            nn.utils.clip_grad_norm_(setup.model.parameters(), max_norm=1.0)
        yield epoch + 1


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    clipnorm: float | None = None,
    lr: float = 1.0,
    epochs: int = 12,
) -> Setup:
    """The same classifier in Keras, where the optimizer clips."""
    import keras

    train_rows, val_rows, test_rows = digits(seed)
    keras.utils.set_random_seed(seed)
    hidden = [
        keras.layers.Dense(64, activation="relu", kernel_initializer="he_normal") for _ in range(4)
    ]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(lr, global_clipnorm=clipnorm)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train_rows, val=val_rows, test=test_rows, epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="exploding-updates",
    family="architecture",
    kind="trains",
    question="One batch has an enormous loss. After it the loss is constant or NaN. Why?",
    lesson="12_exploding_gradients",
    broken=_BROKEN,
    fixed=Recipe(build=build, train=train_clipping, evaluate=evaluate),
    healthy=_BROKEN.having(lr=0.1),
    rivals=(
        Rival(
            name="clipping behind the step",
            recipe=Recipe(build=build, train=train_clipping_late, evaluate=evaluate),
            why="The step used the long gradient already; zero_grad throws the short one away.",
        ),
        Rival(
            name="clipping to a norm of 100",
            recipe=Recipe(
                build=build, train=partial(train_clipping, max_norm=100.0), evaluate=evaluate
            ),
            why="Steps a hundred units long ruin the weights before they reach the bound.",
        ),
        Rival(
            name="Adam at the same learning rate",
            recipe=_BROKEN.having(optimizer_type=Adam),
            why="Its steps are bounded, by one unit in every single weight, which is far too long.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.48, fixed_bound=0.74, margin=0.3
    ),
    shows=(
        Sign(quantity="update_ratio", read="highest"),
        Sign(quantity="loss", read="last"),
    ),
    knobs=(
        Knob(
            name="lr",
            label="learning rate",
            values=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
            start=1.0,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(clipnorm=1.0),
        note="Keras clips in the optimizer; clip_grad_norm_ is its global_clipnorm, not clipnorm.",
    ),
    sources=(
        Source(
            key="D1", title=D1, section="3. Architectural flaws: vanishing or exploding gradients"
        ),
        Source(key="D3", title=D3, section="The paragraph on the learning rate"),
        PASCANU_2013,
    ),
)
