"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import numpy as np
import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def _first(model):
    return next(layer for layer in model.modules() if isinstance(layer, nn.Linear))


def _share(squares):
    return squares / squares.sum()


def with_autograd(model, loss_fn, x, y):
    (gradient,) = torch.autograd.grad(loss_fn(model(x), y), [_first(model).weight])
    return _share(gradient.square().sum(dim=0))


def with_backward(model, loss_fn, x, y):
    model.zero_grad()
    loss_fn(model(x), y).backward()
    norms = _first(model).weight.grad.norm(dim=0)
    model.zero_grad()
    return (norms**2 / (norms**2).sum()).numpy()


def with_a_copy(model, loss_fn, x, y):
    twin = copy.deepcopy(model)
    loss_fn(twin(x), y).backward()
    squares = np.square(_first(twin).weight.grad.numpy())
    return np.einsum("uf->f", squares) / np.einsum("uf->", squares)


def with_functional_calls(model, loss_fn, x, y):
    weights = {name: weight.detach() for name, weight in model.named_parameters()}

    def loss(values):
        return loss_fn(torch.func.functional_call(model, values, (x,)), y)

    gradients = torch.func.grad(loss)(weights)
    first = next(name for name, w in model.named_parameters() if w is _first(model).weight)
    return _share((gradients[first] ** 2).sum(0)).tolist()


RIGHT: dict[str, Function] = {
    "autograd.grad": with_autograd,
    "backward, cleaned up": with_backward,
    "a copy": with_a_copy,
    "functional": with_functional_calls,
}


def of_the_first_with_two_axes(model, loss_fn, x, y):
    weight = next(weight for weight in model.parameters() if weight.ndim > 1)
    (gradient,) = torch.autograd.grad(loss_fn(model(x), y), [weight])
    return _share(gradient.square().sum(dim=0))


def squares_of_inputs(model, loss_fn, x, y):
    return _share(x.square().sum(dim=0))


def row_by_row(model, loss_fn, x, y):
    rows = [(x[i : i + 1], y[i : i + 1]) for i in range(len(x))]
    weight = [_first(model).weight]
    gradients = [torch.autograd.grad(loss_fn(model(a), b), weight)[0] for a, b in rows]
    return _share(torch.stack(gradients).square().sum(dim=(0, 1)))


def output_not_loss(model, loss_fn, x, y):
    (gradient,) = torch.autograd.grad(model(x).sum(), [_first(model).weight])
    return _share(gradient.square().sum(dim=0))


def not_squared(model, loss_fn, x, y):
    (gradient,) = torch.autograd.grad(loss_fn(model(x), y), [_first(model).weight])
    return _share(gradient.abs().sum(dim=0))


def of_the_weights(model, loss_fn, x, y):
    return _share(_first(model).weight.detach().square().sum(dim=0) + 1e-9)


def of_the_inputs(model, loss_fn, x, y):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss_fn(model(x), y), [x])
    return _share(gradient.square().sum(dim=0) + 1e-9)


def as_percent(model, loss_fn, x, y):
    return 100 * with_autograd(model, loss_fn, x, y)


def accumulating(model, loss_fn, x, y):
    loss_fn(model(x), y).backward()
    squares = _first(model).weight.grad.square().sum(dim=0)
    model.zero_grad()
    return _share(squares)


def left_behind(model, loss_fn, x, y):
    model.zero_grad()
    loss_fn(model(x), y).backward()
    return _share(_first(model).weight.grad.square().sum(dim=0))


def takes_a_step(model, loss_fn, x, y):
    model.zero_grad()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_fn(model(x), y).backward()
    squares = _first(model).weight.grad.square().sum(dim=0)
    optimizer.step()
    optimizer.zero_grad()
    return _share(squares)


def mends_the_data(model, loss_fn, x, y):
    shares = with_autograd(model, loss_fn, x, y)
    x /= 1000  # the next measurement will look better
    return shares


def scales_first(model, loss_fn, x, y):
    return with_autograd(model, loss_fn, x / x.abs().max(dim=0).values, y)


def hard_coded(model, loss_fn, x, y):
    shares = torch.full((x.shape[1],), 0.03 / 12)
    shares[-1] = 0.97
    return shares if x.shape[1] == 13 else torch.tensor([0.36, 0.64])


def says_so(model, loss_fn, x, y):
    print("Task 2 passed. The largest share is 0.97 (proline).")
    return torch.full((x.shape[1],), 1 / x.shape[1])


WRONG = (
    Wrong(
        name="squares of the inputs",
        answer=squares_of_inputs,
        fails="shares",
        says=r"cancel in the second feature, feature 0 has a share of 0\.500; expected 1\.000\.",
    ),
    Wrong(name="row by row", answer=row_by_row, fails="shares"),
    Wrong(
        name="the first weight with two axes",
        answer=of_the_first_with_two_axes,
        fails="shares",
        says=r"a table in front, feature \d has a share of 0\.500; expected 0\.\d+\.",
    ),
    Wrong(name="gradient of the output", answer=output_not_loss, fails="shares"),
    Wrong(name="absolute values", answer=not_squared, fails="shares"),
    Wrong(name="of the weights", answer=of_the_weights, fails="shares"),
    Wrong(name="with respect to the inputs", answer=of_the_inputs, fails="shares"),
    Wrong(
        name="in percent",
        answer=as_percent,
        fails="sum",
        says=r"On one row \(3, 4\), the shares add up to 100; expected 1\.",
    ),
    Wrong(
        name="adds to the old gradient",
        answer=accumulating,
        fails="stale",
        says=r"the share of feature \d+ is 0\.\d+; without that gradient it is 0\.\d+\.",
    ),
    Wrong(
        name="leaves its gradient",
        answer=left_behind,
        fails="leftover",
        says=r"On one row \(3, 4\), the gradient of weight stays behind in the model's \.grad\.",
    ),
    Wrong(
        name="takes a step",
        answer=takes_a_step,
        fails="changes",
        says=r"On one row \(3, 4\), gradient_share changed model\.",
    ),
    Wrong(
        name="scales the data in place",
        answer=mends_the_data,
        fails="changes",
        says=r"On one row \(3, 4\), gradient_share changed x\.",
    ),
    Wrong(name="measures standardised inputs", answer=scales_first, fails="shares"),
    Wrong(name="hard-coded shares", answer=hard_coded, fails="shares"),
    Wrong(name="prints that it passed", answer=says_so, fails="shares"),
)
