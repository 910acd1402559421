"""The situations of task 2: a model, its criterion and a batch, and where it begins."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from coursekit.datasets import load_dataset

SEED = 108
Kind = Literal["healthy", "before", "layers", "after"]


class Log(nn.Module):
    """A layer that takes the logarithm of what comes in."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs of any shape."""
        return inputs.log()


class Handmade(nn.Module):
    """A cross-entropy by its formula, which overflows."""

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Outputs of shape (rows, classes), class numbers of shape (rows,)."""
        powers = outputs.exp()
        right = powers[torch.arange(len(labels)), labels] / powers.sum(dim=1)
        return -right.log().mean()


class LogOfZero(nn.Module):
    """A cross-entropy by its formula: small probabilities become zero, and their loss infinite."""

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Outputs of shape (rows, classes), class numbers of shape (rows,)."""
        right = outputs.softmax(dim=1)[torch.arange(len(labels)), labels]
        return -right.log().mean()


class Length(nn.Module):
    """The length of the outputs; its slope at zero is infinite."""

    def forward(self, outputs: Tensor, _labels: Tensor) -> Tensor:
        """Outputs of any shape."""
        return outputs.square().sum().sqrt()


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A model with a batch, and where it begins.

    Attributes:
        name: What messages call it.
        kind: Which clause judges it.
        model: The model.
        loss_fn: The criterion.
        x: Inputs, shape (rows, features).
        y: Class numbers, shape (rows,).
        expected: The right answer.
    """

    name: str
    kind: Kind
    model: nn.Sequential
    loss_fn: nn.Module
    x: Tensor
    y: Tensor
    expected: str


def situations() -> tuple[Known, ...]:
    """Sixteen models, each with a batch.

    >>> [known.expected for known in situations()]  # doctest: +NORMALIZE_WHITESPACE
    ['nowhere', 'nowhere', 'nowhere', 'nowhere', 'inputs', 'inputs', 'weights', 'weights',
     '1', '0', 'head', '1', 'loss', 'loss', 'gradient', 'gradient']
    """
    data = load_dataset("digits")
    x, y = torch.tensor(data.x[:32] / 16, dtype=torch.float32), torch.tensor(data.y[:32])
    return (*_sound(x, y), *_spoiled(x, y), *_in_a_layer(x, y), *_after_the_layers(x, y))


def _sound(x: Tensor, y: Tensor) -> tuple[Known, ...]:
    """All is finite; some of the models leave traces."""
    touchy = _network(
        nn.ReLU(inplace=True), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True),
        nn.Linear(16, 10),
    )  # fmt: skip
    frozen = _digits()
    frozen.get_submodule("0").requires_grad_(False)
    return (
        _known("a sound network", "healthy", _digits(), x, y, "nowhere"),
        _known("a sound network with its first layer frozen", "healthy", frozen, x, y, "nowhere"),
        _known("a sound network with BatchNorm and layers in place", "healthy", touchy, x - 0.5, y,
               "nowhere"),
        _known("a network in training mode whose BatchNorm would overflow in evaluation mode",
               "healthy", _overflowing(), x, y, "nowhere"),
    )  # fmt: skip


def _spoiled(x: Tensor, y: Tensor) -> tuple[Known, ...]:
    """It begins before the network."""
    empty, endless = x.clone(), x.clone()
    empty[5, 20], endless[7, 3] = torch.nan, -torch.inf  # the largest of all is still finite
    last, first = _digits(), _digits()
    with torch.no_grad():
        last.get_parameter("2.bias")[3] = torch.nan
        first.get_parameter("0.weight")[3, 4] = torch.inf
    return (
        _known("a batch with an empty cell", "before", _digits(), empty, y, "inputs"),
        _known("a batch with a cell of minus infinity", "before", _digits(), endless, y, "inputs"),
        _known("a network whose last bias has a NaN", "before", last, x, y, "weights"),
        _known("a network with an infinite weight, and a batch with a NaN", "before", first, empty,
               y, "weights"),
    )  # fmt: skip


def _in_a_layer(x: Tensor, y: Tensor) -> tuple[Known, ...]:
    """It begins in the middle of the network, at once, and at its end."""
    logs = _network(nn.Linear(64, 8), Log(), nn.Linear(8, 10))
    steep = _network(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10), weights=[3e38] * 4)
    named = _network(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10), weights=[1e20] * 4,
                     names=("body", "bend", "head"))  # fmt: skip
    return (
        _known("a layer that takes logarithms", "layers", logs, x, y, "1"),
        _known("weights of 3e38, all finite", "layers", steep, 100 * x, y, "0"),
        _known("a network whose layers have names", "layers", named, x, y, "head"),
        _known(
            "a network in evaluation mode whose BatchNorm overflows there",
            "layers",
            _overflowing().eval(),
            x,
            y,
            "1",
        ),
    )


def _after_the_layers(x: Tensor, y: Tensor) -> tuple[Known, ...]:
    """It begins in the loss, or on the way back."""
    loud = _network(nn.Linear(64, 10), weights=[10.0] * 2)
    silent = _network(nn.Linear(64, 10), weights=[0.0] * 2)
    # a last weight's gradient is what comes back times what came in: 1e10 times 1e31
    large = _network(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10), weights=[1e30, 0, 1e-32, 0])
    weighted = nn.CrossEntropyLoss(weight=torch.full((10,), 1e10), reduction="sum")
    return (
        _known("a cross-entropy written by hand", "after", loud, x, y, "loss", Handmade()),
        _known("a loss that takes a logarithm of zero", "after", _digits(), 1000 * x, y, "loss",
               LogOfZero()),
        _known("a loss that is the length of the outputs, all zero", "after", silent, x, y,
               "gradient", Length()),
        _known("a cross-entropy with class weights of 1e10", "after", large, x, y, "gradient",
               weighted),
    )  # fmt: skip


def _known(
    name: str, kind: Kind, model: nn.Sequential, x: Tensor, y: Tensor, expected: str,
    loss_fn: nn.Module | None = None,
) -> Known:  # fmt: skip
    """A situation in one line; the criterion is cross-entropy where it is not the point."""
    loss_fn = loss_fn or nn.CrossEntropyLoss()
    return Known(name=name, kind=kind, model=model, loss_fn=loss_fn, x=x, y=y, expected=expected)


def _network(
    *layers: nn.Module, weights: Sequence[float] = (), names: Sequence[str] = "01234"
) -> nn.Sequential:
    """Layers with the same first weights each time, or with one value for each of the weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for layer in layers:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
    model = nn.Sequential(OrderedDict(zip(names, layers, strict=False)))
    with torch.no_grad():
        for each, weight in zip(model.parameters(), weights, strict=False):
            each.fill_(weight)
    return model


def _overflowing() -> nn.Sequential:
    """All that it holds is finite; in evaluation mode 3e38 is multiplied by a few hundred."""
    averages = nn.BatchNorm1d(16)
    model = _network(nn.Linear(64, 16), averages, nn.ReLU(), nn.Linear(16, 10))
    averages.load_state_dict(
        averages.state_dict()
        | {"running_mean": torch.full((16,), 3e38), "running_var": torch.zeros(16)}
    )
    return model


def _digits() -> nn.Sequential:
    """A small network of digits."""
    return _network(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
