"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


class Scale(nn.Module):
    """As the exercise's set-up cell has it."""

    def __init__(self, mean, spread):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    def forward(self, x):
        return (x - self.mean) / self.spread


class OneClass(nn.Module):
    """Scale and network in one class, with other buffers."""

    def __init__(self, network, mean, spread):
        super().__init__()
        self.net = network
        self.register_buffer("factor", 1 / spread)
        self.register_buffer("offset", -mean / spread)

    def forward(self, x):
        return self.net(x * self.factor + self.offset)


def in_a_sequence(network, mean, spread):
    return nn.Sequential(Scale(mean, spread), network)


def in_a_sequence_of_copies(network, mean, spread):
    return nn.Sequential(Scale(mean.clone(), spread.clone()), copy.deepcopy(network))


def first_layer(network):
    return next(layer for layer in network.modules() if isinstance(layer, nn.Linear))


def in_one_class(network, mean, spread):
    return OneClass(network, mean, spread)


def folded_into_a_copy(network, mean, spread):
    """W (x - m) / s + b is (W / s) x + (b - (W / s) m)."""
    packed = copy.deepcopy(network)
    layer = first_layer(packed)
    with torch.no_grad():
        layer.weight /= spread
        layer.bias -= layer.weight @ mean
    return packed


RIGHT: dict[str, Function] = {
    "a sequence": in_a_sequence,
    "a sequence of copies": in_a_sequence_of_copies,
    "one class": in_one_class,
    "folded into a copy": folded_into_a_copy,
}


class PlainNumbers(nn.Module):
    """Keeps mean and spread as plain attributes: they are not saved."""

    def __init__(self, network, mean, spread):
        super().__init__()
        self.network, self.mean, self.spread = network, mean, spread

    def forward(self, x):
        return self.network((x - self.mean) / self.spread)


class Trained(nn.Module):
    """Keeps mean and spread as weights: an optimizer would move them."""

    def __init__(self, network, mean, spread):
        super().__init__()
        self.network = network
        self.mean, self.spread = nn.Parameter(mean.clone()), nn.Parameter(spread.clone())

    def forward(self, x):
        return self.network((x - self.mean) / self.spread)


class Refitting(nn.Module):
    """Scales what comes by its own numbers."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network((x - x.mean(dim=0)) / x.std(dim=0))


class InPlace(Scale):
    """Scales the rows that it was given, and not a copy."""

    def forward(self, x):
        x -= self.mean
        x /= self.spread
        return x


def scaling_in_place(network, mean, spread):
    return nn.Sequential(InPlace(mean, spread), network)


def network_alone(network, mean, spread):
    return network


def refitting(network, mean, spread):
    return Refitting(network)


def spread_before_mean(network, mean, spread):
    return nn.Sequential(
        Scale(torch.zeros_like(mean), spread), Scale(mean, spread / spread), network
    )


def centred_only(network, mean, spread):
    return nn.Sequential(Scale(mean, torch.ones_like(spread)), network)


def swapped(network, mean, spread):
    return nn.Sequential(Scale(spread, mean), network)


def one_number_for_all(network, mean, spread):
    return nn.Sequential(Scale(mean.mean(), spread.mean()), network)


def plain_numbers(network, mean, spread):
    return PlainNumbers(network, mean, spread)


def as_weights(network, mean, spread):
    return Trained(network, mean, spread)


def with_batchnorm(network, mean, spread):
    norm = nn.BatchNorm1d(len(mean), affine=False, eps=1e-12)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(spread**2)
    return nn.Sequential(norm, network)


def frozen(network, mean, spread):
    packed = copy.deepcopy(network).requires_grad_(requires_grad=False)
    return nn.Sequential(Scale(mean, spread), packed)


def folded_in_place(network, mean, spread):
    layer = first_layer(network)
    with torch.no_grad():
        layer.weight /= spread
        layer.bias -= layer.weight @ mean
    return network


def says_so(network, mean, spread):
    print("Task 1 passed. 80 raw rows of breast cancer and wine get the network's answers.")
    return network


WRONG = (
    Wrong(
        name="the network alone",
        answer=network_alone,
        fails="answers",
        says=r"output \d for raw row \d+ is .*; the network's for the same row, scaled, is",
    ),
    Wrong(name="refits on what comes", answer=refitting, fails="answers"),
    Wrong(name="divides before it subtracts", answer=spread_before_mean, fails="answers"),
    Wrong(name="only takes the mean away", answer=centred_only, fails="answers"),
    Wrong(name="mean and spread swapped", answer=swapped, fails="answers"),
    Wrong(name="one number for all columns", answer=one_number_for_all, fails="answers"),
    Wrong(
        name="plain attributes",
        answer=plain_numbers,
        fails="state",
        says=r"loaded the state of the first and answers differently\. Something .* state_dict\(\)",
    ),
    Wrong(
        name="BatchNorm with these numbers",
        answer=with_batchnorm,
        fails="mode",
        says=r"output \d for raw row \d+ is .* in training mode and .* in evaluation mode\.",
    ),
    Wrong(
        name="mean and spread as weights",
        answer=as_weights,
        fails="trained",
        says=r"would train 590 numbers of your model; the network has 530\.",
    ),
    Wrong(name="a frozen network", answer=frozen, fails="trained"),
    Wrong(
        name="folded into the network itself",
        answer=folded_in_place,
        fails="untouched",
        says=r"On breast cancer, network changed in place\.",
    ),
    Wrong(
        name="scales the rows in place",
        answer=scaling_in_place,
        fails="untouched",
        says=r"On breast cancer, the raw rows changed in place\.",
    ),
    Wrong(name="prints that it passed", answer=says_so, fails="answers"),
)
