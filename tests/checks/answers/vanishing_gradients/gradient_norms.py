"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import numpy as np
import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def _linears(model):
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def with_autograd(model, loss_fn, x, y):
    weights = [layer.weight for layer in _linears(model)]
    return [g.norm() for g in torch.autograd.grad(loss_fn(model(x), y), weights)]


def with_backward(model, loss_fn, x, y):
    model.zero_grad()
    loss_fn(model(x), y).backward()
    norms = np.array([layer.weight.grad.square().sum().sqrt() for layer in _linears(model)])
    model.zero_grad()
    return norms


def with_a_copy(model, loss_fn, x, y):
    twin = copy.deepcopy(model)
    twin.zero_grad()
    loss_fn(twin(x), y).backward()
    return torch.tensor([float(layer.weight.grad.norm()) for layer in _linears(twin)])


def with_functional_calls(model, loss_fn, x, y):
    weights = {name: weight.detach() for name, weight in model.named_parameters()}

    def loss(values):
        return loss_fn(torch.func.functional_call(model, values, (x,)), y)

    gradients = torch.func.grad(loss)(weights)
    names = [name for layer in _linears(model) for name, w in model.named_parameters()
             if w is layer.weight]  # fmt: skip
    return tuple(torch.linalg.vector_norm(gradients[name]).item() for name in names)


RIGHT: dict[str, Function] = {
    "autograd.grad": with_autograd,
    "backward, cleaned up": with_backward,
    "a copy": with_a_copy,
    "functional": with_functional_calls,
}


def with_bias(model, loss_fn, x, y):
    norms = []
    for layer in _linears(model):
        gradients = torch.autograd.grad(loss_fn(model(x), y), [layer.weight, layer.bias])
        norms.append(sum(g.square().sum() for g in gradients).sqrt())
    return norms


def mean_not_norm(model, loss_fn, x, y):
    weights = [layer.weight for layer in _linears(model)]
    return [g.abs().mean() for g in torch.autograd.grad(loss_fn(model(x), y), weights)]


def not_rooted(model, loss_fn, x, y):
    return [norm**2 for norm in with_autograd(model, loss_fn, x, y)]


def backwards(model, loss_fn, x, y):
    return with_autograd(model, loss_fn, x, y)[::-1]


def of_the_weights(model, loss_fn, x, y):
    return [layer.weight.detach().norm() for layer in _linears(model)]


def of_the_output(model, loss_fn, x, y):
    weights = [layer.weight for layer in _linears(model)]
    return [g.norm() for g in torch.autograd.grad(model(x).sum(), weights)]


def as_shares(model, loss_fn, x, y):
    norms = torch.stack(with_autograd(model, loss_fn, x, y))
    return norms / norms[-1]


def row_by_row(model, loss_fn, x, y):
    rows = [(x[i : i + 1], y[i : i + 1]) for i in range(len(x))]
    return torch.stack(
        [torch.stack(with_autograd(model, loss_fn, a, b)) for a, b in rows]
    ).mean(dim=0)  # fmt: skip


def accumulating(model, loss_fn, x, y):
    loss_fn(model(x), y).backward()
    norms = [layer.weight.grad.norm().item() for layer in _linears(model)]
    model.zero_grad()
    return norms


def left_behind(model, loss_fn, x, y):
    model.zero_grad()
    loss_fn(model(x), y).backward()
    return [layer.weight.grad.norm() for layer in _linears(model)]


def takes_a_step(model, loss_fn, x, y):
    norms = with_autograd(model, loss_fn, x, y)
    with torch.no_grad():
        _linears(model)[0].weight -= 0.1
    return norms


def evaluates(model, loss_fn, x, y):
    model.eval()
    return with_autograd(model, loss_fn, x, y)


def hard_coded(model, loss_fn, x, y):
    return [10.0 ** (place - len(_linears(model))) for place in range(len(_linears(model)))]


def says_so(model, loss_fn, x, y):
    print("Task 2 passed.")
    return [1.0] * len(_linears(model))


WRONG = (
    Wrong(
        name="with the bias",
        answer=with_bias,
        fails="norms",
        says=r"On a chain of weights 2 and 3, layer 1 of 2 has the norm 51; expected 36\.",
    ),
    Wrong(name="mean of the sizes", answer=mean_not_norm, fails="norms"),
    Wrong(name="squares without the root", answer=not_rooted, fails="norms"),
    Wrong(name="last layer first", answer=backwards, fails="norms"),
    Wrong(name="of the weights", answer=of_the_weights, fails="norms"),
    Wrong(name="gradient of the output", answer=of_the_output, fails="norms"),
    Wrong(name="shares of the last", answer=as_shares, fails="norms"),
    Wrong(name="row by row", answer=row_by_row, fails="norms"),
    Wrong(
        name="adds to the old gradient",
        answer=accumulating,
        fails="stale",
        says=r"backward\(\), layer \d+ has the norm .*; without that gradient it has 0\.\d+\.",
    ),
    Wrong(
        name="leaves its gradient",
        answer=left_behind,
        fails="leftover",
        says=r"On a chain of weights 2 and 3, the gradient of 0\.weight stays behind",
    ),
    Wrong(
        name="takes a step",
        answer=takes_a_step,
        fails="changes",
        says=r"On a chain of weights 2 and 3, gradient_norms changed model\.",
    ),
    Wrong(name="leaves the model in evaluation mode", answer=evaluates, fails="changes"),
    Wrong(name="hard-coded", answer=hard_coded, fails="norms"),
    Wrong(name="prints that it passed", answer=says_so, fails="norms"),
)
