"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong

GAINS = {"relu": math.sqrt(2), "tanh": 5 / 3, "linear": 1.0}


def with_kaiming(layer, activation):
    nn.init.kaiming_normal_(layer.weight, nonlinearity=activation)


def with_a_table(layer, activation):
    nn.init.normal_(layer.weight, std=GAINS[activation] / layer.in_features**0.5)


def uniform(layer, activation):
    bound = nn.init.calculate_gain(activation) * math.sqrt(3 / layer.weight.shape[1])
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound)


def with_numbers_of_ones_own(layer, activation):
    variance = {"relu": 2.0, "tanh": 2.5, "linear": 1.0}[activation] / layer.in_features
    layer.weight.data = torch.randn(layer.weight.shape) * variance**0.5
    return layer


def by_the_outputs(layer, activation):
    # what a wider layer takes away, a narrower one gives back
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity=activation)


RIGHT: dict[str, Function] = {
    "kaiming": with_kaiming,
    "a table": with_a_table,
    "uniform": uniform,
    "by hand": with_numbers_of_ones_own,
    "by the outputs": by_the_outputs,
}


def returns_it(layer, activation):
    return torch.randn(layer.weight.shape) * GAINS[activation] / layer.in_features**0.5


def default(layer, activation):
    layer.reset_parameters()
    nn.init.zeros_(layer.bias)


def xavier(layer, activation):
    nn.init.xavier_uniform_(layer.weight)


def xavier_with_gain(layer, activation):
    nn.init.xavier_uniform_(layer.weight, gain=GAINS[activation])


def he_everywhere(layer, activation):
    nn.init.kaiming_normal_(layer.weight)


def fixed_size(layer, activation):
    nn.init.normal_(layer.weight, std=0.1)


def too_large(layer, activation):
    nn.init.normal_(layer.weight)


def variance_for_deviation(layer, activation):
    nn.init.normal_(layer.weight, std=GAINS[activation] ** 2 / layer.in_features)


def one_unit_copied(layer, activation):
    row = torch.randn(1, layer.in_features) * GAINS[activation] / layer.in_features**0.5
    layer.weight.data = row.repeat(layer.out_features, 1)


def identity(layer, activation):
    nn.init.eye_(layer.weight)


def constant(layer, activation):
    nn.init.constant_(layer.weight, 1 / layer.in_features)


def bias_too(layer, activation):
    with_kaiming(layer, activation)
    nn.init.constant_(layer.bias, 0.01)


def says_so(layer, activation):
    print("Task 1 passed.")


WRONG = (
    Wrong(
        name="returns a tensor",
        answer=returns_it,
        says=r"After fill\(layer, activation\), layer\.weight was what it was before\.",
    ),
    Wrong(
        name="PyTorch's own",
        answer=default,
        fails="fades",
        says=r"relu and 64 units .* behind 20 layers has .*e-\d+ times .* at least 0\.33\.",
    ),
    Wrong(name="Xavier without gain", answer=xavier, fails="fades"),
    Wrong(name="Xavier with gain", answer=xavier_with_gain, fails="fades"),
    Wrong(
        name="He everywhere",
        answer=he_everywhere,
        fails="grows",
        says=r"With linear and 64 units .* has \d+ times the size .* expected at most 3\.",
    ),
    Wrong(name="one size for all widths", answer=fixed_size, fails="fades"),
    Wrong(name="a standard deviation of 1", answer=too_large, fails="grows"),
    Wrong(name="variance as deviation", answer=variance_for_deviation, fails="fades"),
    Wrong(name="one unit, copied", answer=one_unit_copied, fails="fades"),
    Wrong(name="the identity", answer=identity, fails="fades"),
    Wrong(name="a constant", answer=constant, fails="fades"),
    Wrong(name="sets the bias", answer=bias_too, fails="bias", says=r"fill changed layer\.bias\."),
    Wrong(name="prints that it passed", answer=says_so),
)
