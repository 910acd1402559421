"""Statements of "What causes unpredictable behavior in PyTorch neural networks …?" (D1)."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn

from coursekit.cases.rows import (
    Parts,
    diabetes,
    digits,
    standardised,
    tensors,
    three_parts,
    wine,
)
from coursekit.cases.sources import D1, Source
from coursekit.documents.nets import accuracy, mlp, train
from coursekit.documents.not_training import first_against_last
from coursekit.documents.statement import Statement

HALF = 0.5  # its Normalize((0.5,), (0.5,))


def normalised(parts: Parts, *which: int) -> Parts:
    """The parts of these numbers through ``Normalize((0.5,), (0.5,))``."""
    train_part, val, test = (
        ((x - HALF) / HALF if number in which else x, y) for number, (x, y) in enumerate(parts)
    )
    return train_part, val, test


def mismatched(seed: int) -> dict[str, float]:
    """Example 1 on digits: Normalize in training only, in both, in neither."""
    parts = digits(seed)
    scores = {}
    for name, rows in (
        ("training_only", normalised(parts, 0)),
        ("both", normalised(parts, 0, 1, 2)),
        ("neither", parts),
    ):
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        train(model, torch.optim.Adam(model.parameters(), lr=0.003), rows, seed=seed, epochs=15)
        scores[name] = accuracy(model, rows)
    return scores


def same_training(seed: int) -> dict[str, float]:
    """Two trainings, evaluated after each epoch on matching and on mismatched rows."""
    parts = digits(seed)
    weights = []
    for validation in (normalised(parts, 0, 2), normalised(parts, 0)):
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(5):
            train(model, optimizer, validation, seed=seed + epoch, epochs=1)
            accuracy(model, validation)
            model.train()
        weights.append(torch.cat([part.detach().flatten() for part in model.parameters()]))
    return {"largest_difference": (weights[0] - weights[1]).abs().max().item()}


def gamma(_seed: int) -> dict[str, float]:
    """What StepLR(step_size=10, gamma=0.1) leaves of the learning rate after ten epochs."""
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1)
    for _ in range(10):
        optimizer.step()
        scheduler.step()
    return {"left": float(scheduler.get_last_lr()[0]) / 0.01}


def decayed(seed: int) -> dict[str, float]:
    """Example 2 on digits for fifty whole-batch epochs: the last loss, and at a constant rate."""
    x, y = tensors(digits(seed)[0], "cpu").tensors
    numbers = {}
    for name in ("step_lr", "constant"):
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1)
        for _ in range(50):
            optimizer.zero_grad()
            loss: Any = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            if name == "step_lr":
                scheduler.step()
        numbers[name] = loss.item()
    return numbers


def imputed(seed: int) -> dict[str, float]:
    """Example 3 on wine with a tenth of the cells missing: one mean for all, and one a column."""
    x, y = load_wine(return_X_y=True)
    holes = np.random.default_rng(seed).random(x.shape) < 0.1
    scores = {}
    for name, axis in (("one_mean", None), ("a_mean_a_column", 0)):
        rows = np.where(holes, np.nan, x)
        parts = three_parts(rows, y, seed)
        mean = np.nanmean(parts[0][0], axis=axis)
        filled = [(np.where(np.isnan(part), mean, part), labels) for part, labels in parts]
        scores[name] = _wine_accuracy(standardised((filled[0], filled[1], filled[2])), seed)
    return scores


def _wine_accuracy(parts: Parts, seed: int) -> float:
    torch.manual_seed(seed)
    model = mlp(13, 32, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return accuracy(train(model, optimizer, parts, seed=seed, batch_size=16, epochs=60), parts)


def one_nan(seed: int) -> dict[str, float]:
    """Digits with one missing cell: the share of epochs whose mean loss is a number."""
    (x, y), *_ = digits(seed)
    x = x.copy()
    x[0, 0] = np.nan
    torch.manual_seed(seed)
    model = mlp(64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rows, labels = tensors((x, y), "cpu").tensors
    finite = 0
    for epoch in range(5):
        train(model, optimizer, ((x, y),) * 3, seed=seed + epoch, epochs=1)
        with torch.no_grad():
            loss = nn.functional.cross_entropy(model(rows[1:]), labels[1:])
        finite += math.isfinite(loss.item())
    return {"finite_epochs": finite / 5}


def leaking(seed: int) -> dict[str, float]:
    """Validation rows that are also trained on, and not: how far accuracy jumps between epochs."""
    parts = digits(seed)
    both = np.concatenate([parts[0][0], parts[1][0]]), np.concatenate([parts[0][1], parts[1][1]])
    numbers = {}
    for name, rows in (("leaking", (both, parts[1], parts[1])), ("clean", (parts[0], *parts[1:]))):
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
        scores = []
        for epoch in range(20):
            train(model, optimizer, rows, seed=seed + epoch, epochs=1)
            scores.append(accuracy(model, (rows[0], rows[1], parts[1])))
        numbers[name] = float(np.abs(np.diff(scores[8:])).mean())
    return numbers


def overfitting(seed: int) -> dict[str, float]:
    """A large net on diabetes: validation loss over its minimum, and the way back down in it."""
    parts = diabetes(seed)
    x, y = tensors(parts[0], "cpu").tensors
    held, targets = tensors(parts[1], "cpu").tensors
    torch.manual_seed(seed)
    model = mlp(10, 128, 128, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    losses = []
    for step in range(400):
        optimizer.zero_grad()
        loss: Any = nn.functional.mse_loss(model(x)[:, 0], y)
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            with torch.no_grad():
                losses.append(nn.functional.mse_loss(model(held)[:, 0], targets).item())
    least = int(np.argmin(losses))
    climb = np.diff(losses[least:])
    return {
        "last_over_least": losses[-1] / losses[least],
        "way_back": float(-climb[climb < 0].sum() / max(climb[climb > 0].sum(), 1e-9)),
    }


def deep_activations(seed: int) -> dict[str, float]:
    """Gradient of the first of ten layers against the last, torch's own initial weights."""
    x, y = tensors(digits(seed)[0], "cpu").tensors
    numbers = {}
    for activation in (nn.Sigmoid, nn.Tanh, nn.ELU, nn.SiLU):
        torch.manual_seed(seed)
        model = mlp(64, *[64] * 9, 10, activation=activation)
        numbers[activation.__name__.lower()] = first_against_last(model, x[:256], y[:256])
    return numbers


class Residual(nn.Module):
    """Forty blocks ``x + gain · relu(linear(x))`` between an input and an output layer."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 64), nn.Linear(64, 10)
        self.blocks = nn.ModuleList([nn.Linear(64, 64) for _ in range(40)])
        for block in self.blocks:
            nn.init.kaiming_normal_(block.weight, nonlinearity="relu")  # type: ignore[arg-type]
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (rows, 10), of pixels, shape (rows, 64)."""
        x = self.first(x)
        for block in self.blocks:
            x = x + self.gain * torch.relu(block(x))
        return self.last(x)  # type: ignore[no-any-return]


def residual(seed: int) -> dict[str, float]:
    """Forty layers with residual connections, bare and scaled by one over the root of depth."""
    parts = digits(seed)
    scores = {}
    for name, gain in (("bare", 1.0), ("scaled", 1 / math.sqrt(40))):
        torch.manual_seed(seed)
        model = Residual(gain)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        scores[name] = accuracy(train(model, optimizer, parts, seed=seed, epochs=6), parts)
    return scores


def tuned_optimizers(seed: int) -> dict[str, float]:
    """A linear model on diabetes for ten epochs: the least validation loss of each optimizer."""
    parts = diabetes(seed)
    held, targets = tensors(parts[1], "cpu").tensors
    kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "adam": torch.optim.Adam,
        "momentum": partial(torch.optim.SGD, momentum=0.9),
    }
    found = {}
    for name, optimizer in kinds.items():
        losses = []
        for lr in (0.001, 0.003, 0.01, 0.03, 0.1):
            torch.manual_seed(seed)
            model = nn.Linear(10, 1)
            train(
                model, optimizer(model.parameters(), lr=lr), parts, seed=seed, epochs=10,
                loss_fn=lambda outputs, y: nn.functional.mse_loss(outputs[:, 0], y),
            )  # fmt: skip
            with torch.no_grad():
                losses.append(nn.functional.mse_loss(model(held)[:, 0], targets).item())
        found[name] = min(losses)
    return found


def too_high(seed: int) -> dict[str, float]:
    """Digits at ten times a good learning rate: test accuracy of each."""
    parts = digits(seed)
    scores = {}
    for lr in (0.3, 3.0):
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        scores[f"lr_{lr}"] = accuracy(train(model, optimizer, parts, seed=seed), parts)
    return scores


def unlike_wine_scalers(seed: int) -> dict[str, float]:
    """Wine, its scaler fitted on the training rows and on all of them: test accuracy."""
    x, y = load_wine(return_X_y=True)
    leaked = three_parts((x - x.mean(axis=0)) / x.std(axis=0), y, seed)
    return {
        "training_rows": _wine_accuracy(wine(seed), seed),
        "all_rows": _wine_accuracy(leaked, seed),
    }


STATEMENTS = (
    Statement(
        name="mismatched-transforms-hurt",
        source=Source(key="D1", title=D1, section="Example 1"),
        says="Normalize in training and not in testing costs accuracy.",
        measure=mismatched,
        tests={"by two points": lambda n: n["training_only"] < n["both"] - 0.02},
        verdict="holds",
        finding="The model is the same in both; only what it is shown differs.",
    ),
    Statement(
        name="half-is-wrong-for-one-channel",
        source=Source(key="D1", title=D1, section="Example 1, the comment in the code"),
        says="Normalize((0.5,), (0.5,)) is the mistake, since it assumes one channel.",
        measure=mismatched,
        tests={"with it in both": lambda n: n["both"] < n["neither"] - 0.02},
        verdict="false",
        finding="The images have one channel. In both transforms it does no harm; the mistake is "
        "that the test transform lacks it.",
    ),
    Statement(
        name="mismatch-harms-gradient-flow",
        source=Source(key="D1", title=D1, section="1. Inconsistent scaling and normalization"),
        says="A discrepancy between training and test transforms harms the flow of gradients.",
        measure=same_training,
        tests={"the weights differ": lambda n: n["largest_difference"] > 0},
        verdict="false",
        finding="Training never sees the test rows: every weight is the same to the last bit.",
    ),
    Statement(
        name="gamma-reduces-by-a-tenth",
        source=Source(key="D1", title=D1, section="Example 2, the comment in the code"),
        says="gamma=0.1 reduces the learning rate by ten percent.",
        measure=gamma,
        tests={"nine tenths are left": lambda n: math.isclose(n["left"], 0.9, rel_tol=0.05)},
        verdict="false",
        finding="It reduces the rate to a tenth, that is, by ninety percent.",
    ),
    Statement(
        name="step-lr-beats-constant",
        source=Source(key="D1", title=D1, section="Example 2"),
        says="Its StepLR guards against a fixed, suboptimal learning rate.",
        measure=decayed,
        tests={"a lower loss than constant": lambda n: n["step_lr"] < n["constant"]},
        verdict="false",
        finding="Decayed to a tenth every ten epochs the run stops before it has arrived.",
    ),
    Statement(
        name="one-mean-imputes",
        source=Source(key="D1", title=D1, section="Example 3"),
        says="The mean of the whole array is a fair value for a missing one.",
        measure=imputed,
        tests={"as good as a mean a column": lambda n: n["one_mean"] > n["a_mean_a_column"] - 0.05},
        verdict="false",
        finding="The columns have different units. One mean for all fills them with outliers.",
    ),
    Statement(
        name="missing-data-makes-loss-jump",
        source=Source(key="D1", title=D1, section="1. Missing or corrupted data"),
        says="Missing values show as random jumps of the loss.",
        measure=one_nan,
        tests={"the run goes on with a number": lambda n: n["finite_epochs"] > 0},
        verdict="false",
        finding="One NaN makes every weight NaN in the first epoch, and the loss stays NaN.",
    ),
    Statement(
        name="leakage-makes-spikes",
        source=Source(key="D1", title=D1, section="1. Data leakage"),
        says="Leakage shows as random spikes of the validation score.",
        measure=leaking,
        tests={"twice the jitter of a clean split": lambda n: n["leaking"] > 2 * n["clean"]},
        verdict="false",
        finding="The leaking score is as smooth as an honest one, and too good.",
    ),
    Statement(
        name="overfitting-jumps",
        source=Source(key="D1", title=D1, section="3. Overparameterization and overfitting"),
        says="Overfitting shows as erratic jumps of the validation loss.",
        measure=overfitting,
        tests={
            "it jumps back and forth": lambda n: n["way_back"] > 0.25 and n["last_over_least"] > 1.1
        },
        verdict="false",
        finding="The validation loss reaches a minimum and climbs from there, smoothly.",
    ),
    Statement(
        name="elu-and-swish-prevent-vanishing",
        source=Source(key="D1", title=D1, section="3. Vanishing or exploding gradients"),
        says="ELU or Swish in place of sigmoid or tanh mitigates vanishing gradients.",
        measure=deep_activations,
        tests={
            "in place of sigmoid": lambda n: min(n["elu"], n["silu"]) > 100 * n["sigmoid"],
            "Swish in place of tanh": lambda n: n["silu"] > n["tanh"],
        },
        verdict="depends",
        finding="Against sigmoid, yes. With torch's own initial weights a deep Swish net vanishes "
        "faster than a tanh net.",
    ),
    Statement(
        name="residual-connections-fix-depth",
        source=Source(key="D1", title=D1, section="3. Vanishing or exploding gradients"),
        says="Residual connections mitigate vanishing and exploding gradients.",
        measure=residual,
        tests={
            "added as they are": lambda n: n["bare"] > 0.8,
            "scaled with the depth": lambda n: n["scaled"] > 0.8,
        },
        verdict="depends",
        finding="Forty bare blocks double the signal each and overflow. Scaled by one over the "
        "root of their number they train.",
    ),
    Statement(
        name="adam-is-not-always-best",
        source=Source(key="D1", title=D1, section="2. Optimizer choice"),
        says="Adam is not the best choice for every data set.",
        measure=tuned_optimizers,
        tests={"momentum is as good": lambda n: n["momentum"] < 1.1 * n["adam"]},
        verdict="holds",
        finding="On a linear model of diabetes SGD with momentum, tuned as well, is as good to a "
        "tenth of the loss.",
    ),
    Statement(
        name="high-rate-prevents-learning",
        source=Source(key="D1", title=D1, section="2. Learning rate"),
        says="Too high a learning rate prevents convergence.",
        measure=too_high,
        tests={"ten times a good one": lambda n: n["lr_3.0"] < 0.5 < n["lr_0.3"]},
        verdict="holds",
        finding="It need not diverge: the loss settles at that of guessing, the units dead.",
    ),
    Statement(
        name="scaler-on-all-rows-hurts",
        source=Source(key="D1", title=D1, section="1. Inconsistent scaling and normalization"),
        says="A scaler that has also seen the test rows spoils the result.",
        measure=unlike_wine_scalers,
        tests={"two points apart": lambda n: abs(n["training_rows"] - n["all_rows"]) > 0.02},
        verdict="false",
        finding="Fitting on the training rows is right, and the difference is tiny. Leaks that "
        "matter use the labels.",
    ),
)
