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


def without_a_gain_for_tanh(layer, activation):
    # "ReLU wants He's weights; tanh wants Xavier's"
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if activation == "relu" else "linear")


RIGHT: dict[str, Function] = {
    "kaiming": with_kaiming,
    "a table": with_a_table,
    "uniform": uniform,
    "by hand": with_numbers_of_ones_own,
    "no gain for tanh": without_a_gain_for_tanh,
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


def by_the_outputs(layer, activation):
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity=activation)


def he_and_xavier(layer, activation):
    # Xavier's rule in nn.init takes the mean of inputs and outputs
    if activation == "relu":
        nn.init.kaiming_normal_(layer.weight)
    else:
        nn.init.xavier_normal_(layer.weight)


def for_64_inputs(layer, activation):
    nn.init.normal_(layer.weight, std=GAINS[activation] / 8)


def three_constants(layer, activation):
    nn.init.normal_(layer.weight, std={"relu": 0.18, "tanh": 1.0, "linear": 0.125}[activation])


def tanh_too_large(layer, activation):
    gain = 10 if activation == "tanh" else GAINS[activation]
    nn.init.normal_(layer.weight, std=gain / layer.in_features**0.5)


def tanh_of_one_size(layer, activation):
    with_a_table(layer, activation)
    if activation == "tanh":
        nn.init.normal_(layer.weight, std=0.13)


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
        says=r"relu and 128 units .* behind 20 layers has .*e-\d+ times .* at least 0\.33\.",
    ),
    Wrong(name="Xavier without gain", answer=xavier, fails="fades"),
    Wrong(name="Xavier with gain", answer=xavier_with_gain, fails="fades"),
    Wrong(
        name="He everywhere",
        answer=he_everywhere,
        fails="grows",
        says=r"With linear and 128 units .* has \d+ times the size .* expected at most 3\.",
    ),
    Wrong(name="He for ReLU, Xavier for the others", answer=he_and_xavier, fails="fades"),
    Wrong(name="by the outputs", answer=by_the_outputs, fails="fades"),
    Wrong(name="a rule for 64 inputs", answer=for_64_inputs),
    Wrong(name="three constants", answer=three_constants),
    Wrong(
        name="weights of tanh too large",
        answer=tanh_too_large,
        fails="flat",
        says=r"With tanh and 128 units .*, 8\d% of the outputs .* beyond 0\.97.* at most 25%\.",
    ),
    Wrong(name="one size for tanh", answer=tanh_of_one_size, fails="flat"),
    Wrong(name="one size for all widths", answer=fixed_size),
    Wrong(name="a standard deviation of 1", answer=too_large),
    Wrong(name="variance as deviation", answer=variance_for_deviation, fails="fades"),
    Wrong(name="one unit, copied", answer=one_unit_copied, fails="fades"),
    Wrong(name="the identity", answer=identity, fails="fades"),
    Wrong(name="a constant", answer=constant, fails="fades"),
    Wrong(name="sets the bias", answer=bias_too, fails="bias", says=r"fill changed layer\.bias\."),
    Wrong(name="prints that it passed", answer=says_so),
)
