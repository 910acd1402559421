"""Statements of "Why is gradient descent with PyTorch resulting in high loss?" (D3)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.cases.rows import digits
from coursekit.cases.sources import D3, Source
from coursekit.documents.nets import accuracy, descend, least_loss, mlp, train
from coursekit.documents.statement import Numbers, Statement

RATES = tuple(10 ** (exponent / 2) for exponent in range(-8, 2))  # half decades, 1e-4 … 3.2
FLUCTUATION = 0.02  # a change of accuracy that two seeds make by themselves


def example_rows(seed: int, *, learnable: bool = False) -> tuple[Tensor, Tensor]:
    """The rows of its examples: two features, the second times 1,000, and random labels.

    With ``learnable`` the labels follow the sum of both features before the second is stretched.
    """
    torch.manual_seed(seed)
    x = torch.randn(100, 2)
    y = torch.randint(0, 2, (100,))
    if learnable:
        y = (x.sum(dim=1) > 0).long()
    x[:, 1] *= 1000
    return x, y


def standardised(x: Tensor) -> Tensor:
    """Its example 2."""
    return (x - x.mean(axis=0)) / x.std(axis=0)  # type: ignore[call-overload, no-any-return]


def linear_run(seed: int, x: Tensor, y: Tensor) -> tuple[list[float], float]:
    """Examples 1 and 2: the losses, and how far the weights of the first feature moved."""
    torch.manual_seed(seed)
    model = nn.Linear(2, 2)
    before = model.weight[:, 0].detach().clone()
    losses = descend(model, torch.optim.SGD(model.parameters(), lr=0.01), x, y)
    return losses, (model.weight[:, 0] - before).norm().item()


def unscaled(seed: int) -> dict[str, float]:
    """Examples 1 and 2 side by side."""
    x, y = example_rows(seed)
    raw, _ = linear_run(seed, x, y)
    scaled, _ = linear_run(seed, standardised(x), y)
    floor = least_loss(standardised(x), y)
    return {"raw": raw[-1], "scaled_first": scaled[0], "scaled": scaled[-1], "optimum": floor}


def first_feature(seed: int) -> dict[str, float]:
    """How far the first feature's weights move, where there is something to learn from it."""
    x, y = example_rows(seed, learnable=True)
    return {"raw": linear_run(seed, x, y)[1], "scaled": linear_run(seed, standardised(x), y)[1]}


def step_lr(seed: int) -> dict[str, float]:
    """Example 3 with its scheduler and without: the distance of the last loss to the optimum."""
    x, y = example_rows(seed)
    x = standardised(x)
    floor = least_loss(x, y)
    numbers = {}
    for name in ("with_scheduler", "constant"):
        torch.manual_seed(seed)
        model = nn.Linear(2, 2)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        scheduler = None
        if name == "with_scheduler":
            scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)
        descend(model, optimizer, x, y, scheduler=scheduler)
        with torch.no_grad():
            last = nn.functional.cross_entropy(model(x).double(), y).item()
        numbers[name] = last - floor
    return numbers


def slow_is_not_stuck(seed: int) -> dict[str, float]:
    """Steps on digits until the loss is .3, at a good learning rate and at a tenth of it."""
    x, y = (torch.tensor(part) for part in digits(seed)[0])
    x = x.float()
    numbers = {}
    for lr in (0.3, 0.03):
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        losses = descend(model, torch.optim.SGD(model.parameters(), lr=lr), x, y, epochs=1500)
        numbers[f"steps_{lr}"] = next(
            (float(step) for step, loss in enumerate(losses) if loss < 0.3), float("inf")
        )
    return numbers


def rates_that_work(seed: int) -> dict[str, float]:
    """How many of the half-decade learning rates reach .9 on digits; and on a deep sigmoid net."""
    parts = digits(seed)
    optimizers: dict[str, Callable[..., Any]] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    numbers = {}
    for name, optimizer in optimizers.items():
        reached = 0
        for lr in RATES:
            torch.manual_seed(seed)
            model = mlp(64, 64, 10)
            train(model, optimizer(model.parameters(), lr=lr), parts, seed=seed, epochs=6)
            reached += accuracy(model, parts) > 0.9
        numbers[name] = float(reached)
        torch.manual_seed(seed)
        deep = mlp(64, *[64] * 10, 10, activation=nn.Sigmoid)
        lr = 0.05 if name == "sgd" else 0.001
        train(deep, optimizer(deep.parameters(), lr=lr), parts, seed=seed)
        numbers[f"{name}_deep_sigmoid"] = accuracy(deep, parts)
    return numbers


def binary_cross_entropy(seed: int) -> dict[str, float]:
    """Ten classes with binary cross-entropy: on one-hot labels, and on class numbers."""
    parts = digits(seed)
    scores = {}
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "cross_entropy": nn.functional.cross_entropy,
        "one_hot": lambda logits, labels: nn.functional.binary_cross_entropy_with_logits(
            logits, nn.functional.one_hot(labels, 10).float()
        ),
        "class_numbers": lambda logits, labels: nn.functional.binary_cross_entropy_with_logits(
            logits, labels[:, None].expand(-1, 10).float()
        ),
    }
    for name, loss_fn in losses.items():
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        scores[name] = accuracy(train(model, optimizer, parts, seed=seed, loss_fn=loss_fn), parts)
    return scores


def _worse(numbers: Numbers, name: str) -> bool:
    return numbers[name] < numbers["cross_entropy"] - 2 * FLUCTUATION


STATEMENTS = (
    Statement(
        name="unscaled-converges-poorly",
        source=Source(key="D3", title=D3, section="Example 1"),
        says="With one feature a thousand times larger, gradient descent converges poorly.",
        measure=unscaled,
        tests={"against its example 2": lambda n: n["raw"] > 10 * n["scaled"]},
        verdict="holds",
        finding="The loss rises far above that of the scaled features.",
    ),
    Statement(
        name="small-feature-is-starved",
        source=Source(key="D3", title=D3, section="Example 1, the text under it"),
        says="The optimizer cannot adjust the weights of the small feature.",
        measure=first_feature,
        tests={"with labels to learn": lambda n: n["raw"] < 0.5 * n["scaled"]},
        verdict="false",
        finding="The small feature's weights do move: more than half as far as in the scaled run, "
        "on many seeds further. It is the large feature's weights that overshoot.",
    ),
    Statement(
        name="scaling-drops-the-loss-rapidly",
        source=Source(key="D3", title=D3, section="Example 2"),
        says="With standardised features the same program decreases its loss rapidly.",
        measure=unscaled,
        tests={"by a fifth": lambda n: n["scaled"] < 0.8 * n["scaled_first"]},
        verdict="false",
        finding="The labels are random: even the best linear model cannot get far below chance, "
        "and scaling has nothing to show.",
    ),
    Statement(
        name="step-lr-improves",
        source=Source(key="D3", title=D3, section="Example 3"),
        says="StepLR improves the final result of this program.",
        measure=step_lr,
        tests={"a lower loss": lambda n: n["with_scheduler"] < n["constant"] - 1e-4},
        verdict="false",
        finding="The problem is convex and Adam settles by itself: the constant rate ends less "
        "than a ten-thousandth above the least loss there is, so nothing is left to improve.",
    ),
    Statement(
        name="low-rate-never-arrives",
        source=Source(key="D3", title=D3, section="The paragraph on the learning rate"),
        says="With too small a learning rate gradient descent fails to reach the minimum.",
        measure=slow_is_not_stuck,
        tests={"a tenth of a good rate": lambda n: n["steps_0.03"] == float("inf")},
        verdict="false",
        finding="It arrives, in about as many times more steps as the rate is smaller. It is not "
        "stuck: it was stopped.",
    ),
    Statement(
        name="adam-is-more-robust",
        source=Source(key="D3", title=D3, section="Example 3, the last sentence"),
        says="Adam is generally more robust than SGD.",
        measure=rates_that_work,
        tests={
            "to the learning rate": lambda n: n["adam"] > n["sgd"],
            "to a deep sigmoid net": lambda n: n["adam_deep_sigmoid"] > 0.5,
        },
        verdict="depends",
        finding="More learning rates work with Adam. It does not rescue a network whose gradients "
        "vanish.",
    ),
    Statement(
        name="binary-loss-is-wrong-for-classes",
        source=Source(key="D3", title=D3, section="The paragraph on the loss function"),
        says="Binary cross-entropy is inappropriate for more than two classes.",
        measure=binary_cross_entropy,
        tests={
            "on one-hot labels": lambda n: _worse(n, "one_hot"),
            "on class numbers": lambda n: _worse(n, "class_numbers"),
        },
        verdict="depends",
        finding="On one-hot labels it trains ten one-against-rest classifiers, and well. On class "
        "numbers it has no lower bound and learns nothing.",
    ),
)
