"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import math

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def by_shifting(loss_fn, classes):
    outputs, label = torch.full((1, classes), 0.25), torch.tensor([1])
    fell = float(loss_fn(outputs, label) - loss_fn(outputs + 0.5, label))
    if abs(fell) < 1e-3:
        return "logits"
    return "log-probabilities" if abs(fell - 0.5) < 1e-3 else "probabilities"


def by_one_value(loss_fn, classes):
    loss = float(loss_fn(torch.full((1, classes), 0.9), torch.tensor([0])))
    wanted = {"logits": math.log(classes), "log-probabilities": -0.9, "probabilities": 0.105}
    return min(wanted, key=lambda kind: abs(wanted[kind] - loss))


def by_gradient(loss_fn, classes):
    outputs = torch.full((1, classes), 0.2, requires_grad=True)
    (slope,) = torch.autograd.grad(loss_fn(outputs, torch.tensor([0])), outputs)
    if slope.sum().abs() < 1e-4:
        return "logits"
    return "log-probabilities" if (slope[0, 0] + 1).abs() < 1e-4 else "probabilities"


RIGHT: dict[str, Function] = {
    "a shift": by_shifting,
    "one value": by_one_value,
    "the gradient": by_gradient,
}


def by_type(loss_fn, classes):
    if isinstance(loss_fn, nn.CrossEntropyLoss):
        return "logits"
    return "log-probabilities" if isinstance(loss_fn, nn.NLLLoss) else "probabilities"


def always_logits(loss_fn, classes):
    return "logits"


def never_logits(loss_fn, classes):
    kind = by_shifting(loss_fn, classes)
    return "log-probabilities" if kind == "logits" else kind


def never_logarithms(loss_fn, classes):
    kind = by_shifting(loss_fn, classes)
    return "probabilities" if kind == "log-probabilities" else kind


def by_its_sign(loss_fn, classes):
    loss = loss_fn(torch.ones(1, classes), torch.tensor([0]))
    return "logits" if loss > 0 else "log-probabilities"


def by_an_infinity(loss_fn, classes):
    # a bound keeps the logarithm of 0 finite
    loss = loss_fn(torch.zeros(1, classes), torch.tensor([0]))
    if torch.isinf(loss):
        return "probabilities"
    return "log-probabilities" if loss == 0 else "logits"


def of_ten_classes(loss_fn, classes):
    loss = float(loss_fn(torch.zeros(1, classes), torch.tensor([0])))
    if abs(loss - math.log(5)) < 1e-3:
        return "logits"
    return "log-probabilities" if abs(loss) < 1e-3 else "probabilities"


def of_a_mean(loss_fn, classes):
    # of two rows: a sum is twice what it expects
    outputs, labels = torch.full((2, classes), 0.9), torch.tensor([0, 1])
    loss = float(loss_fn(outputs, labels))
    if abs(loss - math.log(classes)) < 1e-3:
        return "logits"
    return "log-probabilities" if abs(loss + 0.9) < 1e-3 else "probabilities"


def says_so(loss_fn, classes):
    print("The optional task passed.")
    return "probabilities"


WRONG = (
    Wrong(name="by type", answer=by_type),
    Wrong(name="always logits", answer=always_logits),
    Wrong(
        name="never logits",
        answer=never_logits,
        fails="logits",
        says=r"A loss that wants logits \(nn\.CrossEntropyLoss\(\), 2 classes\): wants said "
        r"'log-probabilities'\.",
    ),
    Wrong(
        name="never log-probabilities",
        answer=never_logarithms,
        fails="log-probabilities",
        says=r"A loss that wants log-probabilities \(nn\.NLLLoss\(\), 2 classes\): wants said "
        r"'probabilities'\.",
    ),
    Wrong(name="by its sign", answer=by_its_sign, fails="probabilities"),
    Wrong(
        name="by an infinity",
        answer=by_an_infinity,
        fails="probabilities",
        says=r"wants probabilities \(a function with a bound, 2 classes\): wants said 'logits'\.",
    ),
    Wrong(name="of five classes", answer=of_ten_classes, fails="logits"),
    Wrong(name="of a mean alone", answer=of_a_mean),
    Wrong(name="prints that it passed", answer=says_so),
)
