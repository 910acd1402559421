"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def reshaped(outputs, targets):
    return ((outputs.reshape(-1) - targets.reshape(-1)) ** 2).mean()


def as_the_outputs(outputs, targets):
    return nn.functional.mse_loss(outputs, targets.view_as(outputs))


def row_by_row(outputs, targets):
    total = 0
    for output, target in zip(outputs, targets, strict=True):
        total = total + (output.sum() - target.sum()) ** 2
    return total / len(outputs)


def squeezed(outputs, targets):
    gaps = outputs.squeeze() - targets.squeeze()
    return gaps @ gaps / len(gaps)


def power_in_place(outputs, targets):
    gaps = outputs.reshape(-1) - targets.reshape(-1)
    gaps **= 2
    return gaps.mean()


RIGHT: dict[str, Function] = {
    "a power in place": power_in_place,
    "reshape": reshaped,
    "mse_loss": as_the_outputs,
    "a loop": row_by_row,
    "squeeze": squeezed,
}


def broadcast(outputs, targets):
    return ((outputs - targets) ** 2).mean()


def only_the_outputs(outputs, targets):
    if outputs.ndim > 1:
        outputs = outputs.squeeze(1)
    return ((outputs - targets) ** 2).mean()


def only_the_targets(outputs, targets):
    if targets.ndim == 1:
        targets = targets.unsqueeze(1)
    return ((outputs - targets) ** 2).mean()


def only_the_diagonal_of_columns(outputs, targets):
    return ((outputs.reshape(-1, 1) - targets.reshape(-1)) ** 2).mean()


def summed(outputs, targets):
    return ((outputs.reshape(-1) - targets.reshape(-1)) ** 2).sum()


def absolute(outputs, targets):
    return (outputs.reshape(-1) - targets.reshape(-1)).abs().mean()


def rooted(outputs, targets):
    return reshaped(outputs, targets).sqrt()


def halved(outputs, targets):
    return reshaped(outputs, targets) / 2


def of_the_means(outputs, targets):
    return (outputs.mean() - targets.mean()) ** 2


def sorted_first(outputs, targets):
    return reshaped(outputs.reshape(-1).sort().values, targets.reshape(-1).sort().values)


def as_a_float(outputs, targets):
    return reshaped(outputs, targets).item()


def detached(outputs, targets):
    return torch.as_tensor(reshaped(outputs.detach(), targets)).requires_grad_()


def scaled_gradient(outputs, targets):
    loss = reshaped(outputs, targets)
    return loss.detach() + (loss - loss.detach()) * 2


def in_place(outputs, targets):
    targets.resize_(outputs.shape)
    return ((outputs - targets) ** 2).mean()


def product_in_place(outputs, targets):
    gaps = outputs.reshape(-1) - targets.reshape(-1)
    gaps *= gaps
    return gaps.mean()


def backward_already(outputs, targets):
    loss = reshaped(outputs, targets)
    loss.backward()
    return loss


def backward_already_and_again(outputs, targets):
    loss = reshaped(outputs, targets)
    loss.backward(retain_graph=True)
    return loss


def frozen(outputs, targets):
    loss = reshaped(outputs, targets)
    outputs.requires_grad_(False)
    return loss


def with_a_constant(outputs, targets):
    return reshaped(outputs, targets) + 1


def says_so(outputs, targets):
    print("Task 1 passed.")
    return outputs.sum() * 0


WRONG = (
    Wrong(
        name="as it stands in the lesson",
        answer=broadcast,
        says=r"With outputs of shape \(7, 1\) and targets of shape \(7,\), squared_error gave "
        r"\d\.?\d*; expected \d\.?\d*\.",
    ),
    Wrong(name="the outputs alone", answer=only_the_outputs),
    Wrong(name="the targets alone", answer=only_the_targets),
    Wrong(name="a table on purpose", answer=only_the_diagonal_of_columns),
    Wrong(name="a constant too much", answer=with_a_constant, fails="value"),
    Wrong(name="a sum", answer=summed),
    Wrong(name="absolute gaps", answer=absolute),
    Wrong(name="the root", answer=rooted),
    Wrong(name="half", answer=halved),
    Wrong(name="of the means", answer=of_the_means),
    Wrong(name="sorted", answer=sorted_first),
    Wrong(
        name="a float",
        answer=as_a_float,
        fails="gradient",
        says=r"what came back has no gradient in the outputs\.",
    ),
    Wrong(name="cut off", answer=detached, fails="gradient"),
    Wrong(
        name="another slope",
        answer=scaled_gradient,
        fails="gradient",
        says=r"the gradient in the outputs is not that of this loss\.",
    ),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"squared_error changed targets\.",
    ),
    Wrong(
        name="a product in place",
        answer=product_in_place,
        fails="gradient",
        says=r"backward\(\) on what came back stops: one of the variables needed for gradient "
        r"computation has been modified by an inplace operation\.",
    ),
    Wrong(
        name="backward() already",
        answer=backward_already,
        says=r"stops: Trying to backward through the graph a second time\.",
    ),
    Wrong(
        name="backward() already, the graph kept",
        answer=backward_already_and_again,
        fails="changes",
        says=r"squared_error changed the \.grad of outputs\.",
    ),
    Wrong(
        name="outputs frozen",
        answer=frozen,
        says=r"what came back has no gradient in the outputs\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
