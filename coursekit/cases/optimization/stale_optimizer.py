"""Stale optimizer: it holds weights that the model no longer has, and lacks those it has now.

``torch.optim.Adam(model.parameters())`` keeps the tensors that it got, not the model. Layers
that come in afterwards have other tensors. ``backward()`` fills their gradients, but
``optimizer.step()`` moves the old layers' weights, and nobody looks at those. Nor does
``optimizer.zero_grad()`` empty the new gradients: they add up from step to step. Here a deeper
body takes the place of the first one: only the last layer learns, from random features.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import torch
from torch import nn
from torch.optim import SGD, Adam

from coursekit.cases.case import Case, Claim, NoDifference, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, evaluate_keras, train, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D1, D2, TORCH_OPTIM, Source


def build(
    seed: int,
    device: str,
    *,
    made: type[SGD] | type[Adam] = Adam,
    made_again: type[SGD] | type[Adam] | None = None,
    lr: float = 0.003,
    epochs: int = 12,
) -> Setup:
    """A network on digits whose body is replaced by a deeper one.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        made: The optimizer made before the body is replaced.
        made_again: The optimizer made after it; None leaves the first in place.
        lr: Learning rate.
        epochs: Passes over the training rows.
    """
    rows, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(rows, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)).to(device)
    optimizer = made(model.parameters(), lr=lr)
    widths = (64, 32, 32, 32)
    body = [
        layer
        for inputs, outputs in pairwise(widths)
        for layer in (nn.Linear(inputs, outputs), nn.ReLU())
    ]
    model = nn.Sequential(*body, model[-1]).to(device)  # the last layer stays
    if made_again is not None:
        optimizer = made_again(model.parameters(), lr=lr)
    loss_fn = nn.CrossEntropyLoss()
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_one_model(seed: int, device: str) -> Setup:
    """The deep network from the start, and SGD with momentum."""
    setup = build(seed, device)
    return replace(setup, optimizer=SGD(setup.model.parameters(), lr=0.05, momentum=0.9))


def train_emptying_the_model(setup: Setup) -> Iterator[int]:
    """The plain loop with ``zero_grad()`` called on the model."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.model.zero_grad()
            loss = setup.loss_fn(setup.model(inputs), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    made_again: bool = False,
    lr: float = 0.003,
    epochs: int = 8,
) -> Setup:
    """The same in Keras: one optimizer object compiled into a model, then into a deeper one."""
    import keras

    parts = digits(seed)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(lr)
    keras.utils.set_random_seed(seed)
    last = keras.layers.Dense(10)
    for depth in (1, 3):
        body = [keras.layers.Dense(32, activation="relu") for _ in range(depth)]
        model = keras.Sequential([keras.Input((64,)), *body, last])
        model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    if made_again:
        optimizer = keras.optimizers.Adam(lr)
        model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=parts[0], val=parts[1], test=parts[2], epochs=epochs, batch_size=32,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="stale-optimizer",
    family="optimization",
    kind="trains",
    question="I made the network deeper, and now it hardly learns. Every layer has gradients. Why?",
    lesson="06_broken_loop",
    broken=_BROKEN,
    fixed=_BROKEN.having(made_again=Adam),
    healthy=Recipe(build=build_one_model, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="a larger learning rate",
            recipe=_BROKEN.having(lr=0.03),
            why="The last layer takes longer steps; the body still stands still.",
        ),
        Rival(
            name="SGD in place of Adam",
            recipe=_BROKEN.having(made=SGD, lr=0.3),
            why="The other optimizer got the same tensors of the old body.",
        ),
        Rival(
            name="zero_grad on the model",
            recipe=Recipe(build=build, train=train_emptying_the_model, evaluate=evaluate),
            why="It empties the right gradients, but still no step uses them.",
        ),
    ),
    claim=Claim(
        score="test_loss", better="lower", broken_bound=1.9, fixed_bound=0.45, margin=4, ratio=True
    ),
    shows=(
        Sign(quantity="loss", read="last"),
        Sign(quantity="update_ratio", read="highest", layer="0"),
    ),
    knobs=(),
    keras=Twin(
        verdict="prevented",
        broken=_KERAS,
        fixed=_KERAS.having(made_again=True),
        claim=NoDifference(score="test_accuracy", better="higher", bound=0.85, tolerance=0.02),
        note="A Keras optimizer asks for its variables when training begins, so the second model "
        "trains; one that has trained another model already raises ValueError. A layer that is "
        "added after a first fit stands still until the next compile.",
    ),
    sources=(
        Source(key="D1", title=D1, section="2. Optimizer misconfigurations"),
        Source(key="D2", title=D2, section="Example 1, where the optimizer is made"),
        TORCH_OPTIM,
    ),
)
