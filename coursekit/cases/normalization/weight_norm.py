"""Weight normalisation as it comes changes nothing: it starts as the network that it is put on.

It writes a weight matrix as a length times a direction, row by row. The lengths start at those
of the matrix given, so that the first forward pass is the same to the last bit. Weights drawn
from N(0, 1) make each of ten ReLU layers 5.7 times as loud, with or without it, and the first
step ends in NaN. BatchNorm measures its input and divides by what it finds. Weight normalisation
can do so once, at the start: pass a batch through, and set each unit's length and bias so that
what it puts out has mean 0 and deviation 1. Its inventors asked for that; PyTorch leaves it out.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from coursekit.cases.case import Case, Claim, Recipe, Rival, Setup, Sign, Twin
from coursekit.cases.plain import evaluate, train
from coursekit.cases.rows import batches, digits, tensors
from coursekit.cases.sources import D0, SALIMANS_2016, Source


def calibrate(model: nn.Sequential, rows: torch.Tensor) -> None:
    """Set length and bias of each unit so that on these rows it has mean 0 and deviation 1."""
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                outputs = layer(rows)  # (rows, units)
                mean, std = outputs.mean(dim=0), outputs.std(dim=0) + 1e-6
                layer.parametrizations.weight.original0 /= std[:, None]  # type: ignore[union-attr]
                layer.bias.copy_((layer.bias - mean) / std)
            rows = layer(rows)


def build(
    seed: int,
    device: str,
    *,
    calibration: bool = False,
    lr: float = 0.1,
    epochs: int = 10,
) -> Setup:
    """Digits, ten hidden ReLU layers with weights from N(0, 1), under weight normalisation.

    Args:
        seed: Sets the split, the first weights and the order of the batches.
        device: Where model and data live.
        calibration: Whether lengths and biases are set by the training rows first.
        lr: Learning rate of SGD.
        epochs: Passes over the training rows.
    """
    train, val, test = (tensors(part, device) for part in digits(seed))
    loader = batches(train, batch_size=32, seed=seed)
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(10):
        linear = nn.Linear(64, 64)
        nn.init.normal_(linear.weight)
        layers += [weight_norm(linear), nn.ReLU()]
    model = nn.Sequential(*layers, weight_norm(nn.Linear(64, 10))).to(device)
    if calibration:
        calibrate(model, train.tensors[0])
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Setup(
        model=model, loss_fn=loss_fn, optimizer=optimizer,
        train=loader, val=val, test=test, epochs=epochs,
    )  # fmt: skip


def build_without(seed: int, device: str) -> Setup:
    """The same first weights without weight normalisation."""
    setup = build(seed, device)
    for layer in setup.model:
        if isinstance(layer, nn.Linear):
            nn.utils.parametrize.remove_parametrizations(layer, "weight")
    return replace(setup, optimizer=torch.optim.SGD(setup.model.parameters(), lr=0.1))


def build_healthy(seed: int, device: str) -> Setup:
    """BatchNorm in the place of weight normalisation, on PyTorch's own first weights."""
    setup = build(seed, device)
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for _ in range(10):
        layers += [nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(64, 10)).to(device)
    return replace(setup, model=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.05))


_BROKEN = Recipe(build=build, train=train, evaluate=evaluate)

CASE = Case(
    name="weight-norm",
    family="normalization",
    kind="myth",
    question="Weight normalisation is called an alternative to BatchNorm. I put it on every "
    "layer, and the loss is NaN as before. Why?",
    lesson="11_normalisation_layers",
    broken=_BROKEN,
    fixed=_BROKEN.having(calibration=True),
    healthy=Recipe(build=build_healthy, train=train, evaluate=evaluate),
    rivals=(
        Rival(
            name="no weight normalisation",
            recipe=Recipe(build=build_without, train=train, evaluate=evaluate),
            why="It is the same network at the start, and ends in the same way.",
        ),
        Rival(
            name="a smaller learning rate",
            recipe=_BROKEN.having(lr=0.003),
            why="The loudness is there before the first step.",
        ),
    ),
    claim=Claim(
        score="test_accuracy", better="higher", broken_bound=0.25, fixed_bound=0.66, margin=0.5
    ),
    shows=(Sign(quantity="loss", read="first"),),
    knobs=(),
    keras=Twin(
        verdict="not-applicable",
        note="Keras has no weight normalisation layer; its UnitNormalization works on outputs "
        "and its UnitNorm constraint on weights after a step.",
    ),
    sources=(
        Source(key="D0", title=D0, section="After the examples: weight normalization"),
        SALIMANS_2016,
    ),
    finding="By default it is no alternative: on ten ReLU layers with N(0, 1) weights it leaves "
    "every activation as it was and ends in NaN, as the plain network does. It becomes one when "
    "lengths and biases are first set by the data, as its inventors do.",
    long_diff="The lengths and biases are set by a function of eight lines, which only the fixed "
    "script needs.",
)
