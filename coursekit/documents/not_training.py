"""Statements of "Why is my PyTorch model not training?" (D2)."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from coursekit.cases.rows import digits, tensors, three_parts
from coursekit.cases.sources import D2, Source
from coursekit.documents.nets import accuracy, descend, mlp, train
from coursekit.documents.statement import Statement


def scaled_again(seed: int) -> dict[str, float]:
    """Example 1 as it stands, and without its StandardScaler: the last loss of each."""
    torch.manual_seed(seed)
    x = torch.randn(100, 10)
    y = torch.randint(0, 2, (100,))
    scaled = torch.tensor(StandardScaler().fit_transform(x.numpy()), dtype=torch.float32)
    numbers = {}
    for name, rows in (("raw", x), ("scaled", scaled)):
        torch.manual_seed(seed)
        model = nn.Linear(10, 2)
        numbers[name] = descend(model, torch.optim.Adam(model.parameters(), lr=0.001), rows, y)[-1]
    return numbers


def stays_high(seed: int) -> dict[str, float]:
    """Raw wine with SGD: the training loss after sixty epochs, and after six times as many."""
    x, y = load_wine(return_X_y=True)
    parts = three_parts(x, y, seed)
    rows, labels = tensors(parts[0], "cpu").tensors
    numbers = {}
    for epochs in (60, 360):
        torch.manual_seed(seed)
        model = mlp(13, 32, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        train(model, optimizer, parts, seed=seed, batch_size=16, epochs=epochs)
        with torch.no_grad():
            numbers[f"loss_{epochs}"] = nn.functional.cross_entropy(model(rows), labels).item()
    return numbers


def softmax_first(seed: int) -> dict[str, float]:
    """Digits with a softmax layer before cross-entropy, and without: the training loss."""
    parts = digits(seed)
    x, y = tensors(parts[0], "cpu").tensors
    numbers = {}
    for name, last in (("softmax", [nn.Softmax(dim=1)]), ("logits", [])):
        torch.manual_seed(seed)
        model = nn.Sequential(*mlp(64, 64, 10), *last)
        train(model, torch.optim.Adam(model.parameters(), lr=0.01), parts, seed=seed, epochs=20)
        with torch.no_grad():
            numbers[name] = nn.functional.cross_entropy(model(x), y).item()
    return numbers


def two_layers(seed: int) -> dict[str, float]:
    """Gradient of the first layer of example 2 against the last, at the start."""
    torch.manual_seed(seed)
    x, y = torch.randn(100, 10), torch.randint(0, 2, (100,))
    numbers = {}
    for name, activation in (("relu", nn.ReLU), ("sigmoid", nn.Sigmoid)):
        torch.manual_seed(seed)
        numbers[name] = first_against_last(mlp(10, 50, 2, activation=activation), x, y)
    return numbers


def first_against_last(model: nn.Sequential, x: Tensor, y: Tensor) -> float:
    """Gradient norm of the first linear layer's weights over that of the last."""
    loss: Any = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    norms = [
        float(layer.weight.grad.norm())  # type: ignore[union-attr]
        for layer in model
        if isinstance(layer, nn.Linear)
    ]
    return norms[0] / norms[-1]


def takes_verbose(_seed: int) -> dict[str, float]:
    """Whether this version of torch takes the argument that example 3 gives."""
    return {"taken": float("verbose" in inspect.signature(ReduceLROnPlateau).parameters)}


def plateau(seed: int) -> dict[str, float]:
    """Example 3 on the data of example 1: the learning rate at its end against the start."""
    torch.manual_seed(seed)
    x, y = torch.randn(100, 10), torch.randint(0, 2, (100,))
    model = nn.Linear(10, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    scheduler = ReduceLROnPlateau(optimizer, "min", patience=10, factor=0.1)
    for _ in range(100):
        scheduler.step(descend(model, optimizer, x, y, epochs=1)[0])
    return {"lr_last_over_first": optimizer.param_groups[0]["lr"] / 0.001}


def squared_error(seed: int) -> dict[str, float]:
    """Digits with squared error in three forms, beside cross-entropy: test accuracy."""
    parts = digits(seed)
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "cross_entropy": nn.functional.cross_entropy,
        "one_hot": lambda outputs, labels: nn.functional.mse_loss(outputs, _one_hot(labels)),
        "softmax": lambda outputs, labels: nn.functional.mse_loss(
            outputs.softmax(dim=1), _one_hot(labels)
        ),
    }
    optimizers: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
        "adam": lambda model: torch.optim.Adam(model.parameters(), lr=0.01),
        "sgd": lambda model: torch.optim.SGD(model.parameters(), lr=0.1),
    }
    scores = {}
    for name, loss_fn in losses.items():
        for kind, optimizer in optimizers.items():
            torch.manual_seed(seed)
            model = mlp(64, 64, 10)
            train(model, optimizer(model), parts, seed=seed, loss_fn=loss_fn, epochs=15)
            scores[f"{name}_{kind}"] = accuracy(model, parts)
    return scores


def _one_hot(labels: Tensor) -> Tensor:
    return nn.functional.one_hot(labels, 10).float()


def small_batches(seed: int) -> dict[str, float]:
    """Digits in batches of 4 and of 32: how far validation accuracy moves between late epochs."""
    parts = digits(seed)
    x, y = tensors(parts[1], "cpu").tensors
    numbers = {}
    for batch_size, lr in ((4, 0.0125), (32, 0.1)):
        torch.manual_seed(seed)
        model = mlp(64, 64, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        scores = []
        for epoch in range(12):
            train(model, optimizer, parts, seed=seed + epoch, batch_size=batch_size, epochs=1)
            with torch.no_grad():
                scores.append(float((model(x).argmax(dim=1) == y).float().mean()))
        late = torch.tensor(scores[6:])
        numbers[f"jump_{batch_size}"] = late.diff().abs().max().item()
    return numbers


STATEMENTS = (
    Statement(
        name="scaling-is-crucial-here",
        source=Source(key="D2", title=D2, section="Example 1"),
        says="Standardising is the crucial step of its example 1.",
        measure=scaled_again,
        tests={"a loss lower by a tenth": lambda n: n["scaled"] < 0.9 * n["raw"]},
        verdict="false",
        finding="Its data are drawn with mean 0 and deviation 1 already, and the labels are "
        "random: nothing changes.",
    ),
    Statement(
        name="unscaled-loss-stays-high",
        source=Source(key="D2", title=D2, section="The first paragraph"),
        says="Without scaling the loss stays high, whatever the number of epochs.",
        measure=stays_high,
        tests={
            "after sixty epochs": lambda n: n["loss_60"] > 1.0,
            "after six times as many": lambda n: n["loss_360"] > 1.0,
        },
        verdict="holds",
        finding="On raw wine every hidden unit dies in the first steps, and no epoch revives it.",
    ),
    Statement(
        name="softmax-gives-proper-outputs",
        source=Source(key="D2", title=D2, section="Example 2"),
        says="A softmax at the end of the network is right for classification.",
        measure=softmax_first,
        tests={"the loss comes near zero": lambda n: n["softmax"] < 5 * n["logits"] + 0.1},
        verdict="false",
        finding="Cross-entropy takes logits. With a softmax before it the loss has a floor far "
        "from zero, and the gradients shrink.",
    ),
    Statement(
        name="relu-example-vanishes-without",
        source=Source(key="D2", title=D2, section="Example 2"),
        says="Its network needs ReLU against vanishing gradients.",
        measure=two_layers,
        tests={"with sigmoid they vanish": lambda n: n["sigmoid"] < 0.01},
        verdict="false",
        finding="It has two layers: with sigmoid the first layer's gradient is smaller, and far "
        "from vanishing.",
    ),
    Statement(
        name="plateau-takes-verbose",
        source=Source(key="D2", title=D2, section="Example 3"),
        says="ReduceLROnPlateau takes verbose=True.",
        measure=takes_verbose,
        tests={"in the torch installed here": lambda n: n["taken"] == 1},
        verdict="holds" if takes_verbose(0)["taken"] else "false",
        finding="The argument was removed; print scheduler.get_last_lr() instead.",
    ),
    Statement(
        name="plateau-frees-the-run",
        source=Source(key="D2", title=D2, section="Example 3"),
        says="In its example 3 the scheduler lowers the learning rate and so frees a stuck run.",
        measure=plateau,
        tests={"it fires": lambda n: n["lr_last_over_first"] < 1},
        verdict="false",
        finding="It is fed the training loss, which falls slowly to the end, so it never fires.",
    ),
    Statement(
        name="mse-is-detrimental",
        source=Source(key="D2", title=D2, section="1. Model architecture problems"),
        says="Mean squared error in place of cross-entropy is detrimental to classification.",
        measure=squared_error,
        tests={
            "one-hot targets, Adam": lambda n: n["one_hot_adam"] < n["cross_entropy_adam"] - 0.05,
            "after a softmax, SGD": lambda n: n["softmax_sgd"] < n["cross_entropy_sgd"] - 0.05,
        },
        verdict="depends",
        finding="On one-hot targets with Adam it is as good. After a softmax its gradient is so "
        "small that SGD crawls.",
    ),
    Statement(
        name="small-batches-are-erratic",
        source=Source(key="D2", title=D2, section="1. Data issues"),
        says="A wrong batch size makes training erratic: accuracy jumps.",
        measure=small_batches,
        tests={"batches of 4, rate in proportion": lambda n: n["jump_4"] > 2 * n["jump_32"] + 0.02},
        verdict="false",
        finding="Where the learning rate shrinks with the batch, accuracy moves as little. Small "
        "batches at the rate of large ones are the failure.",
    ),
)
