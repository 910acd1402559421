"""The edge of stability: one learning rate at which convergence turns into divergence.

For a quadratic loss the distance from the minimum along a direction of curvature λ is
multiplied by 1 - lr·λ in every step. That is a contraction exactly while lr < 2/λ, and the
largest curvature decides first. One per cent below 2/λmax the loss arrives at the minimum; one
per cent above it each step overshoots by a little more than the last, and the loss grows
without bound. Linear regression by full batches shows it without any noise.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from coursekit.cases.case import Case, Claim, Knob, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import (
    evaluate_regression,
    evaluate_regression_keras,
    train,
    train_clipping,
    train_keras,
)
from coursekit.cases.rows import batches, diabetes, tensors
from coursekit.cases.sources import COHEN_2021, D2, D3, Source


def build(
    seed: int,
    device: str,
    *,
    edge: float = 1.01,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    start: float = 1.0,
    epochs: int = 200,
) -> Setup:
    """Linear regression on diabetes, all rows in one batch.

    Args:
        seed: Sets the split and the first bias.
        device: Where model and data live.
        edge: Learning rate, in multiples of 2/λmax.
        momentum: Momentum of SGD.
        weight_decay: Weight decay of SGD.
        start: The first value of every weight: far from the minimum, on the slope of λmax.
        epochs: Steps; an epoch is one.
    """
    parts = diabetes(seed)
    rows, val, test = (tensors((x, y[:, None]), device) for x, y in parts)
    loader = batches(rows, batch_size=len(rows), seed=seed, shuffle=False)
    x = parts[0][0]
    curvature = 2 * np.linalg.eigvalsh(x.T @ x / len(x)).max()  # of the mean squared error
    torch.manual_seed(seed)
    model = nn.Linear(10, 1).to(device)
    nn.init.constant_(model.weight, start)
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=edge * 2 / curvature, momentum=momentum, weight_decay=weight_decay
    )
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_healthy(seed: int, device: str) -> Setup:
    """Adam, whose step does not depend on the scale of the curvature."""
    setup = build(seed, device)
    return replace(setup, optimizer=torch.optim.Adam(setup.model.parameters(), lr=0.1))


def build_keras(
    seed: int,
    device: str,  # noqa: ARG001 (Keras places the model itself)
    *,
    edge: float = 1.25,
    epochs: int = 15,
) -> Setup:
    """The same regression in Keras; fifteen steps, so rates further from the edge."""
    import keras

    rows, val, test = diabetes(seed)
    x = rows[0]
    curvature = 2 * np.linalg.eigvalsh(x.T @ x / len(x)).max()
    keras.utils.set_random_seed(seed)
    ones = keras.initializers.Ones()
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(1, kernel_initializer=ones)])
    loss_fn = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.SGD(edge * 2 / curvature)
    model.compile(optimizer=optimizer, loss=loss_fn, jit_compile=False)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=rows, val=val, test=test, epochs=epochs, batch_size=len(x),
    )  # fmt: skip


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate_regression)
_KERAS = Recipe(build=build_keras, train=train_keras, evaluate=evaluate_regression_keras)

CASE = Case(
    name="edge-of-stability",
    family="optimization",
    kind="trains",
    question="The loss swings, each swing larger than the last. I lowered the rate by two per "
    "cent, and it trains. Why?",
    lesson="03_learning_rate",
    broken=_BROKEN,
    fixed=_BROKEN.having(edge=0.99),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate_regression),
    rivals=(
        Rival(
            name="weight decay",
            recipe=_BROKEN.having(weight_decay=0.1),
            why="It adds to every curvature, which brings the edge closer.",
        ),
        Rival(
            name="a start near zero",
            recipe=_BROKEN.having(start=0.01),
            why="The error is smaller at first, and grows by the same factor in every step.",
        ),
        Rival(
            name="gradient clipping",
            recipe=Recipe(build=build, train=train_clipping, evaluate=evaluate_regression),
            why="It hides the cause: the swing never ends, but it cannot grow beyond the clipped "
            "step, which is small here.",
        ),
        Rival(
            name="momentum",
            recipe=_BROKEN.having(momentum=0.9),
            why="Momentum β moves the edge to 2(1 + β)/λmax, so that this rate is below it: it "
            "hides the cause until the rate is raised again.",
        ),
    ),
    claim=Claim(
        score="test_loss",
        better="lower",
        broken_bound=10_000.0,
        fixed_bound=0.9,
        margin=1000.0,
        ratio=True,
    ),
    shows=(
        Sign(quantity="loss", read="last"),
        Sign(quantity="gradient_norm", read="last"),
    ),
    knobs=(
        Knob(
            name="edge",
            label="learning rate (times 2/λmax)",
            values=(0.1, 0.3, 0.5, 0.9, 0.95, 0.99, 1.0, 1.01, 1.05),
            start=0.99,
        ),
    ),
    keras=Twin(
        verdict="same",
        broken=_KERAS,
        fixed=_KERAS.having(edge=0.8),
        note="Fifteen steps in place of two hundred: 1.25 and 0.8 times the edge stand for 1.01 "
        "and 0.99.",
    ),
    sources=(
        Source(key="D2", title=D2, section="Optimization Strategy Issues"),
        Source(key="D3", title=D3, section="an inappropriately chosen learning rate"),
        COHEN_2021,
    ),
)
