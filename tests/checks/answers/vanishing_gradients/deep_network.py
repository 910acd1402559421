"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001, D102, D107
# mypy: disable-error-code="no-untyped-def, no-untyped-call, type-arg, no-any-return"

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


class Residual(nn.Module):
    """Adds a part, times a scale, to what came."""

    def __init__(self, scale):
        super().__init__()
        self.linear = nn.Linear(64, 64)
        nn.init.kaiming_normal_(self.linear.weight)
        self.scale = scale

    def forward(self, x):
        return x + self.scale * torch.relu(self.linear(x))


class Gated(Residual):
    """A residual layer that learns its scale, from 0."""

    def __init__(self):
        super().__init__(nn.Parameter(torch.zeros(())))


class Normalised(nn.Module):
    """Normalises what it adds to."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 64), nn.ReLU())

    def forward(self, x):
        return x + self.block(x)


class Shortcut(nn.Module):
    """A shallow network; thirty layers beside it have no say."""

    def __init__(self, share):
        super().__init__()
        layers = [layer for _ in range(30) for layer in (nn.Linear(64, 64), nn.ReLU())]
        self.deep, self.share = nn.Sequential(*layers, nn.Linear(64, 10)), share
        self.shallow = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        return self.shallow(x) + self.share * self.deep(x)


class SideBySide(nn.Module):
    """Thirty layers that all get the same input."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 64) for _ in range(30)])
        self.last = nn.Linear(64, 10)

    def forward(self, x):
        return self.last(torch.relu(sum(layer(x) for layer in self.layers)))


def _chain(activation, *, depth=30, normalised=False, initialise=None):
    layers = []
    for _ in range(depth):
        norm = [nn.BatchNorm1d(64)] if normalised else []
        layers += [nn.Linear(64, 64), *norm, activation()]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    if initialise is not None:
        for layer in model:
            if isinstance(layer, nn.Linear):
                initialise(layer.weight)
    return model


def _sgd(model, lr=0.05):
    return model, torch.optim.SGD(model.parameters(), lr=lr)


def _adam(model, lr=0.001):
    return model, torch.optim.Adam(model.parameters(), lr=lr)


def scaled(seed):
    torch.manual_seed(seed)
    return _sgd(nn.Sequential(*[Residual(30**-0.5) for _ in range(30)], nn.Linear(64, 10)))


def gated(seed):
    torch.manual_seed(seed)
    return _sgd(nn.Sequential(*[Gated() for _ in range(32)], nn.Linear(64, 10)), lr=0.1)


def normalised(seed):
    torch.manual_seed(seed)
    return list(_adam(nn.Sequential(*[Normalised() for _ in range(30)], nn.Linear(64, 10)), 0.002))


RIGHT: dict[str, Function] = {
    "scaled residual": scaled,
    "zero gate": gated,
    "LayerNorm in residual": normalised,
}


def relu_and_he(seed):
    torch.manual_seed(seed)
    return _sgd(_chain(nn.ReLU, initialise=nn.init.kaiming_normal_))


def relu_and_adam(seed):
    torch.manual_seed(seed)
    return _adam(_chain(nn.ReLU))


def sigmoid_and_adam(seed):
    torch.manual_seed(seed)
    return _adam(_chain(nn.Sigmoid))


def bare(seed):
    torch.manual_seed(seed)
    return _sgd(nn.Sequential(*[Residual(1.0) for _ in range(30)], nn.Linear(64, 10)))


def two_layers(seed):
    torch.manual_seed(seed)
    return _adam(_chain(nn.ReLU, depth=2), 0.003)


def the_same_layer(seed):
    torch.manual_seed(seed)
    one = Residual(30**-0.5)
    return _sgd(nn.Sequential(*[one for _ in range(30)], nn.Linear(64, 10)))


def side_by_side(seed):
    torch.manual_seed(seed)
    return _adam(SideBySide())


def shortcut(seed):
    torch.manual_seed(seed)
    return _adam(Shortcut(1e-9), 0.01)


def switched_off(seed):
    torch.manual_seed(seed)
    return _adam(nn.Sequential(*[Residual(0.0) for _ in range(30)], nn.Linear(64, 10)), 0.02)


def only_the_last(seed):
    torch.manual_seed(seed)
    model = nn.Sequential(*[Residual(30**-0.5) for _ in range(30)], nn.Linear(64, 10))
    return model, torch.optim.SGD(model[-1].parameters(), lr=0.05)


def says_so(seed):
    print("The optional task passed.")
    return _sgd(_chain(nn.ReLU))


WRONG = (
    Wrong(
        name="ReLU and He",
        answer=relu_and_he,
        fails="learns",
        says=r"After 5 epochs the accuracy on seed \d+ is 0\.\d\d; expected at least 0\.75\.",
    ),
    Wrong(name="ReLU and Adam", answer=relu_and_adam),
    Wrong(name="sigmoid and Adam", answer=sigmoid_and_adam),
    Wrong(name="bare residual", answer=bare),
    Wrong(
        name="two layers",
        answer=two_layers,
        fails="depth",
        says=r"each fed by the one before, has 2 layers; expected at least 30\.",
    ),
    Wrong(name="one layer thirty times", answer=the_same_layer),
    Wrong(name="side by side", answer=side_by_side, fails="depth"),
    Wrong(
        name="a shortcut past them",
        answer=shortcut,
        fails="counts",
        says=r"the logits change by .* of their spread: that layer does not count\.",
    ),
    Wrong(name="switched off", answer=switched_off, fails="counts"),
    Wrong(
        name="trains the last layer only",
        answer=only_the_last,
        says=r"The optimizer does not hold all parameters of the model",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
