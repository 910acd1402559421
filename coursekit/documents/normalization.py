"""Statements of "How can I address normalization issues during model training?" (D0)."""

import numpy as np
import torch
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import RobustScaler, StandardScaler
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from coursekit.cases.rows import Parts, breast_cancer, digits, three_parts
from coursekit.cases.sources import D0, Source
from coursekit.documents.nets import accuracy, mlp, train
from coursekit.documents.statement import Statement

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def outliers(seed: int) -> dict[str, float]:
    """Wine with two training rows times a thousand: test accuracy under two scalers."""
    x, y = load_wine(return_X_y=True)
    (rows, labels), val, test = three_parts(x, y, seed)
    rows = rows.copy()
    rows[:2] *= 1000
    scores = {}
    for name, scaler, limit in (
        ("standard", StandardScaler(), np.inf),
        ("robust_clipped", RobustScaler(), 5.0),
    ):
        scaler.fit(rows)
        parts = [
            (np.clip(scaler.transform(part), -limit, limit), labels_of)
            for part, labels_of in ((rows, labels), val, test)
        ]
        torch.manual_seed(seed)
        model = mlp(13, 32, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        whole: Parts = (parts[0], parts[1], parts[2])
        train(model, optimizer, whole, seed=seed, batch_size=16, epochs=60)
        scores[name] = accuracy(model, whole)
    return scores


def contributions(seed: int) -> dict[str, float]:
    """Logistic regression on standardised breast cancer: largest weight over the least."""
    (x, y), *_ = breast_cancer(seed)
    weights = np.abs(LogisticRegression(max_iter=1000).fit(x, y).coef_[0])
    return {"largest_over_least": float(weights.max() / weights.min())}


def collinear(_seed: int) -> dict[str, float]:
    """The rank of example 1's scaled features."""
    features = np.array([[500, 100000], [1500, 300000], [2500, 500000], [5000, 1000000]])
    scaled = StandardScaler().fit_transform(features)
    return {"rank": float(np.linalg.matrix_rank(scaled))}


def random_labels(seed: int) -> dict[str, float]:
    """Example 2's network and data, in PyTorch: accuracy on the same rows, and on fresh ones."""
    torch.manual_seed(seed)
    x, y = torch.randn(200, 10), torch.randint(0, 2, (200,))
    model = nn.Sequential(
        nn.Linear(10, 64), nn.ReLU(), nn.BatchNorm1d(64),
        nn.Linear(64, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Linear(32, 2),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    seen, fresh = ((x[part].numpy(), y[part].numpy()) for part in (slice(100), slice(100, 200)))
    train(model, optimizer, (seen, seen, fresh), seed=seed, epochs=10)
    return {
        "seen": accuracy(model, (seen, seen, seen)),
        "fresh": accuracy(model, (seen, seen, fresh)),
    }


class Shift(nn.Module):
    """Adds to each unit a mean and a spread that change from batch to batch."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, (rows, units), moved in training only."""
        if not self.training:
            return x
        return x * (1 + 0.5 * torch.rand(x.shape[1])) + torch.randn(x.shape[1])


def deep(seed: int, *layers: type[nn.Module]) -> nn.Sequential:
    """Ten sigmoid layers of 64 units, with these after each linear layer but the last."""
    torch.manual_seed(seed)
    made: list[nn.Module] = []
    widths = [64] * 11
    for width in widths[:-1]:
        made.append(nn.Linear(width, 64))
        made += [layer(64) if layer is nn.BatchNorm1d else layer() for layer in layers]
        made.append(nn.Sigmoid())
    return nn.Sequential(*made, nn.Linear(64, 10))


def covariate_shift(seed: int) -> dict[str, float]:
    """A deep sigmoid net, plain, and with BatchNorm that is followed by a shift of its own.

    Returns:
        Accuracies, and for each net how far the mean input of its sixth sigmoid moves between two
        batches at the start, in standard deviations.
    """
    parts = digits(seed)
    numbers = {}
    for name, layers in (("plain", ()), ("shifted", (nn.BatchNorm1d, Shift))):
        model = deep(seed, *layers)
        numbers[f"{name}_shift"] = _moved(model, parts, seed)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        train(model, optimizer, parts, seed=seed, epochs=15)
        numbers[f"{name}_accuracy"] = accuracy(model, parts)
    return numbers


def _moved(model: nn.Sequential, parts: Parts, seed: int) -> float:
    """How far the mean of each unit before the sixth sigmoid moves from batch to batch."""
    sixth = [number for number, layer in enumerate(model) if isinstance(layer, nn.Sigmoid)][5]
    x = torch.tensor(parts[0][0], dtype=torch.float32)
    order = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        seen = torch.stack(
            [model[:sixth](x[torch.randperm(len(x), generator=order)[:32]]) for _ in range(10)]
        )  # (batches, rows, units)
    means = seen.mean(dim=1)  # (batches, units)
    return (means.std(dim=0) / (seen.std(dim=1).mean(dim=0) + 1e-9)).mean().item()


def rates(seed: int) -> dict[str, float]:
    """Digits from 0 to 16: the largest rate that reaches .9, with BatchNorm and without."""
    x, y = load_digits(return_X_y=True)
    parts = three_parts(x, y, seed)
    largest = {}
    for name in ("plain", "batchnorm"):
        reached = [0.0]
        for lr in RATES:
            torch.manual_seed(seed)
            normalise = [nn.BatchNorm1d(64)] if name == "batchnorm" else []
            model = nn.Sequential(nn.Linear(64, 64), *normalise, nn.ReLU(), nn.Linear(64, 10))
            train(model, torch.optim.SGD(model.parameters(), lr=lr), parts, seed=seed, epochs=4)
            if accuracy(model, parts) > 0.9:
                reached.append(lr)
        largest[name] = max(reached)
    return largest


def batches_of_two(seed: int) -> dict[str, float]:
    """Digits in batches of two, with BatchNorm, LayerNorm and neither: test accuracy."""
    parts = digits(seed)
    scores = {}
    kinds: tuple[tuple[str, type[nn.Module] | None], ...] = (
        ("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm), ("none", None),
    )  # fmt: skip
    for name, norm in kinds:
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Linear(64, 64), *([] if norm is None else [norm(64)]), nn.ReLU()]
        model = nn.Sequential(*layers, nn.Linear(64, 10))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
        train(model, optimizer, parts, seed=seed, batch_size=2, epochs=3)
        scores[name] = accuracy(model, parts)
    return scores


def at_test(seed: int) -> dict[str, float]:
    """How far a trained BatchNorm changes its input in evaluation mode."""
    parts = digits(seed)
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train(model, optimizer, parts, seed=seed, epochs=2).eval()
    with torch.no_grad():
        before = model[0](torch.tensor(parts[2][0], dtype=torch.float32))
        return {"change": (model[1](before) - before).abs().mean().item()}


def normed_weights(seed: int) -> dict[str, float]:
    """Six layers from N(0, 1) weights, with BatchNorm and with weight norm: test accuracy.

    Of each the better of two learning rates.
    """
    parts = digits(seed)
    scores = {}
    for name in ("batch", "weight"):
        reached = []
        for lr in (0.01, 0.5):
            torch.manual_seed(seed)
            layers: list[nn.Module] = []
            for _ in range(6):
                linear = nn.Linear(64, 64)
                nn.init.normal_(linear.weight)
                layers += (
                    [linear, nn.BatchNorm1d(64), nn.ReLU()]
                    if name == "batch"
                    else [weight_norm(linear), nn.ReLU()]
                )
            model = nn.Sequential(*layers, nn.Linear(64, 10))
            optimizer = torch.optim.SGD(model.parameters(), lr=lr)
            reached.append(accuracy(train(model, optimizer, parts, seed=seed, epochs=4), parts))
        scores[name] = max(reached)
    return scores


STATEMENTS = (
    Statement(
        name="standard-scaler-for-outliers",
        source=Source(key="D0", title=D0, section="The paragraphs on feature scaling"),
        says="Standardising is the choice where the data have outliers.",
        measure=outliers,
        tests={"as good as robust": lambda n: n["standard"] > n["robust_clipped"] - 0.05},
        verdict="false",
        finding="Mean and deviation follow the outliers. Median and quartiles, with clipping, do "
        "not.",
    ),
    Statement(
        name="features-contribute-equally",
        source=Source(key="D0", title=D0, section="The first paragraph"),
        says="Normalisation makes all features contribute equally.",
        measure=contributions,
        tests={"weights within a factor of three": lambda n: n["largest_over_least"] < 3},
        verdict="false",
        finding="It puts them on one scale for the optimizer. How much each counts is learnt.",
    ),
    Statement(
        name="example-scales-two-features",
        source=Source(key="D0", title=D0, section="Example 1"),
        says="Its example scales two features, area and price.",
        measure=collinear,
        tests={"two directions are left": lambda n: n["rank"] == 2},
        verdict="false",
        finding="The price is exactly a multiple of the area: scaled, both columns are the same.",
    ),
    Statement(
        name="batchnorm-example-learns",
        source=Source(key="D0", title=D0, section="Examples 2 and 3"),
        says="Its examples show that normalisation layers make a network learn.",
        measure=random_labels,
        tests={"on fresh rows": lambda n: n["fresh"] > 0.65},
        verdict="false",
        finding="The labels are random: nothing can be learnt but the rows themselves.",
    ),
    Statement(
        name="batchnorm-reduces-covariate-shift",
        source=Source(key="D0", title=D0, section="The paragraph on batch normalization"),
        says="BatchNorm works because it reduces the shift of each layer's inputs.",
        measure=covariate_shift,
        tests={
            "less shift goes with more accuracy": lambda n: (
                (n["shifted_shift"] < n["plain_shift"])
                == (n["shifted_accuracy"] > n["plain_accuracy"])
            )
        },
        verdict="false",
        finding="With a large shift put in behind it, BatchNorm still trains what does not train "
        "without it.",
    ),
    Statement(
        name="batchnorm-allows-higher-rates",
        source=Source(key="D0", title=D0, section="The paragraph on batch normalization"),
        says="BatchNorm allows higher learning rates.",
        measure=rates,
        tests={"three times higher": lambda n: n["batchnorm"] > 2.9 * n["plain"]},
        verdict="holds",
        finding="On grey levels from 0 to 16 by a factor of ten and more.",
    ),
    Statement(
        name="layernorm-helps-small-batches",
        source=Source(key="D0", title=D0, section="Example 3, the text under it"),
        says="LayerNorm is an advantage in small batches.",
        measure=batches_of_two,
        tests={
            "against BatchNorm": lambda n: n["layer"] > n["batch"] + 0.1,
            "against no layer at all": lambda n: n["layer"] > n["none"] + 0.1,
        },
        verdict="depends",
        finding="Against BatchNorm, which fails there. Without any such layer the net trains as "
        "well.",
    ),
    Statement(
        name="only-layernorm-works-at-test",
        source=Source(key="D0", title=D0, section="The paragraph on layer normalization"),
        says="LayerNorm has the benefit that it is applied in testing too, unlike BatchNorm.",
        measure=at_test,
        tests={"BatchNorm does nothing in testing": lambda n: n["change"] < 1e-3},
        verdict="false",
        finding="Both are applied. BatchNorm then uses the statistics that it gathered in "
        "training, LayerNorm computes the same as before.",
    ),
    Statement(
        name="weight-norm-replaces-batchnorm",
        source=Source(key="D0", title=D0, section="The last paragraphs"),
        says="Weight normalisation is an alternative to BatchNorm.",
        measure=normed_weights,
        tests={"from the same initial weights": lambda n: n["weight"] > n["batch"] - 0.1},
        verdict="false",
        finding="By itself it leaves the first activations as they were, however large. It needs "
        "initial scales taken from data.",
    ),
)
