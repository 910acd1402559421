"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import numpy as np
import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def linears(model):
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def gradients(model, loss_fn, x, y):
    return torch.autograd.grad(loss_fn(model(x), y), [layer.weight for layer in linears(model)])


def by_autograd(model, loss_fn, x, y, decay):
    found = gradients(model, loss_fn, x, y)
    return [decay * layer.weight.norm() / one.norm() for layer, one in zip(linears(model), found)]


def on_a_copy(model, loss_fn, x, y, decay):
    twin = copy.deepcopy(model)
    twin.zero_grad()
    loss_fn(twin(x), y).backward()
    return np.array(
        [
            decay * np.linalg.norm(part.weight.detach()) / np.linalg.norm(part.weight.grad)
            for part in linears(twin)
        ]
    )


def by_backward(model, loss_fn, x, y, decay):
    kept = [weight.grad for weight in model.parameters()]
    model.zero_grad(set_to_none=True)
    loss_fn(model(x), y).backward()
    found = []
    for layer in linears(model):
        pull = (decay * layer.weight.detach()).square().sum().sqrt()
        found.append(float(pull / layer.weight.grad.square().sum().sqrt()))
    for weight, old in zip(model.parameters(), kept):
        weight.grad = old
    return torch.tensor(found)


RIGHT: dict[str, Function] = {
    "autograd.grad": by_autograd,
    "a copy, in numpy": on_a_copy,
    "backward, put back": by_backward,
}


def measuring(ratio):
    """An answer that gives `ratio(weight, gradient, decay)` of each layer."""

    def pulls(model, loss_fn, x, y, decay):
        found = gradients(model, loss_fn, x, y)
        return [ratio(layer.weight.detach(), one, decay).item()
                for layer, one in zip(linears(model), found)]  # fmt: skip

    return pulls


def another_loss(model, loss_fn, x, y, decay):
    loss = loss_fn(model(x), y) * len(x)
    found = torch.autograd.grad(loss, [layer.weight for layer in linears(model)])
    return [decay * layer.weight.norm() / one.norm() for layer, one in zip(linears(model), found)]


def a_loss_by_the_shape(model, loss_fn, x, y, decay):
    loss_fn = nn.functional.mse_loss if y.is_floating_point() else nn.functional.cross_entropy
    return by_autograd(model, loss_fn, x, y, decay)


def uses_the_old_gradient(model, loss_fn, x, y, decay):
    twin = copy.deepcopy(model)
    for old, new in zip(model.parameters(), twin.parameters()):
        new.grad = None if old.grad is None else old.grad.clone()
    loss_fn(twin(x), y).backward()
    return [decay * part.weight.norm() / part.weight.grad.norm() for part in linears(twin)]


def leaves_gradients(model, loss_fn, x, y, decay):
    model.zero_grad()
    loss_fn(model(x), y).backward()
    return [decay * part.weight.norm() / part.weight.grad.norm() for part in linears(model)]


def empties(model, loss_fn, x, y, decay):
    found = leaves_gradients(model, loss_fn, x, y, decay)
    model.zero_grad()
    return found


def freezes(model, loss_fn, x, y, decay):
    found = by_autograd(model, loss_fn, x, y, decay)
    model.eval()
    return found


def decays(model, loss_fn, x, y, decay):
    found = by_autograd(model, loss_fn, x, y, decay)
    for layer in linears(model):
        layer.weight.data *= 1 - decay
    return found


WRONG = (
    Wrong(
        name="the other way round",
        answer=measuring(lambda weight, gradient, decay: gradient.norm() / (decay * weight.norm())),
        fails="ratios",
        says=r"On weights 3 and 4 at decay=0\.1, layer 1 of 1 has the ratio 4; expected 0\.25\.",
    ),
    Wrong(
        name="without the decay",
        answer=measuring(lambda weight, gradient, decay: weight.norm() / gradient.norm()),
        fails="ratios",
    ),
    Wrong(
        name="the decay of the lesson",
        answer=measuring(lambda weight, gradient, decay: 0.1 * weight.norm() / gradient.norm()),
        fails="ratios",
        says=r"at decay=0\.003, layer 1 of 1 has the ratio 0\.25; expected 0\.0075\.",
    ),
    Wrong(
        name="squares without the root",
        answer=measuring(
            lambda weight, gradient, decay: (
                (decay * weight).square().sum() / gradient.square().sum()
            )
        ),
        fails="ratios",
    ),
    Wrong(
        name="sums of sizes",
        answer=measuring(
            lambda weight, gradient, decay: decay * weight.abs().sum() / gradient.abs().sum()
        ),
        fails="ratios",
    ),
    Wrong(
        name="largest entries",
        answer=measuring(
            lambda weight, gradient, decay: decay * weight.abs().max() / gradient.abs().max()
        ),
        fails="ratios",
    ),
    Wrong(
        name="a loss by the shape of the labels",
        answer=a_loss_by_the_shape,
        fails="ratios",
        says=r"On digits, loss_fn a sum over the rows at decay=0\.1, layer 1 of 3 has the ratio",
    ),
    Wrong(name="a sum over the rows", answer=another_loss, fails="ratios"),
    Wrong(
        name="adds to the old gradient",
        answer=uses_the_old_gradient,
        fails="stale",
        says=r"On wine at decay=0\.1, after a backward\(\) on an earlier batch the first ratio",
    ),
    Wrong(
        name="leaves gradients",
        answer=leaves_gradients,
        fails="leftover",
        says=r"the gradient of 0\.weight stays behind in the model's \.grad",
    ),
    Wrong(
        name="empties the earlier gradient",
        answer=empties,
        fails="leftover",
        says=r"the gradient of the earlier batch is not in the model's \.grad any more\.",
    ),
    Wrong(
        name="changes the mode",
        answer=freezes,
        fails="changes",
        says=r"pulls changed model\.",
    ),
    Wrong(name="decays the weights", answer=decays, fails="changes"),
)
