"""A model cast to float16 as a whole: the first step of Adam divides by zero.

float16 holds nothing between 0 and 6e-8. Adam keeps a mean of squared gradients: a gradient
under 2.4e-4 has a square under 6e-8, which becomes 0. The constant 1e-8 that Adam adds against
division by zero becomes 0 too. The step is then a small number over zero: infinite, and what
follows is NaN. Mixed precision computes the layers in float16 and keeps weights, gradients and
Adam's averages in float32.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate_half, evaluate_keras, train_keras
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D3, MICIKEVICIUS_2018, Source


def build(
    seed: int,
    device: str,
    *,
    weights: torch.dtype = torch.float16,
    lr: float = 0.003,
    eps: float = 1e-8,
    epochs: int = 10,
) -> Setup:
    """Digits; the layers compute in float16.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        weights: The type that weights, gradients and Adam's averages are kept in.
        lr: Learning rate of Adam.
        eps: What Adam adds to the root that it divides by.
        epochs: Passes over the training rows.
    """
    train, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train, batch_size=64, seed=seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    model = model.to(weights)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, eps=eps)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def train_half(setup: Setup) -> Iterator[int]:
    """The usual loop, the layers in float16 and the loss in float32."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            with torch.autocast(inputs.device.type, dtype=torch.float16):
                logits = setup.model(inputs)
            loss = setup.loss_fn(logits.float(), labels)
            loss.backward()
            setup.optimizer.step()
        yield epoch + 1


def train_clipping(setup: Setup) -> Iterator[int]:
    """The same loop with the gradient's length cut to 1."""
    for epoch in range(setup.epochs):
        for inputs, labels in setup.train:
            setup.optimizer.zero_grad()
            with torch.autocast(inputs.device.type, dtype=torch.float16):
                logits = setup.model(inputs)
            loss = setup.loss_fn(logits.float(), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(setup.model.parameters(), 1.0)
            setup.optimizer.step()
        yield epoch + 1


def build_healthy(seed: int, device: str) -> Setup:
    """Weights in float32 and SGD with momentum."""
    setup = build(seed, device, weights=torch.float32)
    optimizer = torch.optim.SGD(setup.model.parameters(), lr=0.1, momentum=0.9)
    return replace(setup, optimizer=optimizer)


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    policy: str = "float16",
    epochs: int = 8,
) -> Setup:
    """The same classifier in Keras, under a policy for the types of its layers."""
    import keras

    train, val, test = digits(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, activation="relu", dtype=policy),
            keras.layers.Dense(10, dtype=policy),
            keras.layers.Activation("linear", dtype="float32"),
        ]
    )
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.003)
    model.compile(optimizer=optimizer, loss=loss_fn, metrics=["accuracy"], jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=train, val=val, test=test, epochs=epochs, batch_size=64,
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train_half, evaluate=evaluate_half)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_keras)

CASE = Case(
    name="half-precision-overflow",
    family="normalization",
    kind="trains",
    question="I cast my model to half precision to save memory, and the loss is NaN after one "
    "step. The learning rate is the same as before. Why?",
    lesson="14_precision_and_devices",
    broken=_BROKEN,
    fixed=_BROKEN.having(weights=torch.float32),
    healthy=Recipe(build=build_healthy, train=train_half, evaluate=evaluate_half),
    rivals=(
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.00003),
            why="However small the rate, it multiplies infinity.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipping, evaluate=evaluate_half),
            why="Gradients are too small here, not too large.",
        ),
        Rival(
            name="a larger eps for Adam",
            recipe=_BROKEN.having(eps=1e-4),
            why="It keeps the division from zero and so hides the cause: squares of small "
            "gradients are still lost, and so is each step under half the spacing of a weight.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.2, fixed_bound=0.81, margin=0.6
    ),
    shows=(Sign(quantity="loss", read="last"), Sign(quantity="non_finite", read="highest")),
    knobs=(),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(policy="mixed_float16"),
        claim=Claim(
            score="test_loss",
            better="lower",
            broken_bound=2.0,
            fixed_bound=0.5,
            margin=4.0,
            ratio=True,
        ),
        note="Its Adam adds 1e-7, which float16 can just hold: the steps are far too long but "
        "finite, so the loss shows it; a dtype policy of mixed_float16 keeps float32 weights.",
    ),
    sources=(
        Source(key="D3", title=D3, section="Introduction: numerical stability"),
        MICIKEVICIUS_2018,
    ),
)
