"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def with_autograd(model, loss_fn, x, y):
    trained = [w for w in model.parameters() if w.requires_grad]
    own = iter(torch.autograd.grad(loss_fn(model(x), y), trained))
    return [
        ((w.grad - next(own)).norm() / w.grad.norm().clamp(min=1e-9)).item()
        if w.requires_grad
        else 0.0
        for w in model.parameters()
    ]


def on_a_copy(model, loss_fn, x, y):
    twin = copy.deepcopy(model)
    twin.zero_grad()
    loss_fn(twin(x), y).backward()
    shares = []
    for old, new in zip(model.parameters(), twin.parameters()):
        if old.grad is None:
            shares.append(0)
        else:
            size = torch.linalg.vector_norm(old.grad)
            shares.append(torch.dist(old.grad, new.grad) / size if size > 0 else 0)
    return torch.tensor(shares)


def put_back(model, loss_fn, x, y):
    stored = [None if w.grad is None else w.grad.clone() for w in model.parameters()]
    loss_fn(model(x), y).backward()  # adds the batch's own once more
    shares = torch.zeros(len(stored))
    for place, (weight, grad) in enumerate(zip(model.parameters(), stored)):
        if grad is not None:
            own = weight.grad - grad
            shares[place] = ((grad - own).norm() / grad.norm()).nan_to_num()
        weight.grad = grad
    return shares.numpy()


def with_gradient(model, loss_fn, x, y):
    scale = torch.ones((), requires_grad=True)
    return [share * scale for share in with_autograd(model, loss_fn, x, y)]


RIGHT: dict[str, Function] = {
    "autograd.grad": with_autograd,
    "tensors with a gradient": with_gradient,
    "on a copy": on_a_copy,
    "backward(), and put back": put_back,
}


def comparing(compare, *, frozen=0.0):
    """An answer that compares `.grad` with the batch's own gradient by `compare(grad, own)`."""

    def inherited(model, loss_fn, x, y):
        trained = [w for w in model.parameters() if w.requires_grad]
        own = iter(torch.autograd.grad(loss_fn(model(x), y), trained))
        return [
            compare(w.grad, next(own)).item() if w.requires_grad else frozen
            for w in model.parameters()
        ]

    return inherited


def share(grad, own):
    return (grad - own).norm() / grad.norm().clamp(min=1e-9)


def backward_in_place(model, loss_fn, x, y):
    stored = [None if w.grad is None else w.grad.clone() for w in model.parameters()]
    model.zero_grad()
    loss_fn(model(x), y).backward()
    return [
        0.0 if old is None else share(old, w.grad) for w, old in zip(model.parameters(), stored)
    ]


def by_adding(model, loss_fn, x, y):
    stored = [None if w.grad is None else w.grad.clone() for w in model.parameters()]
    loss_fn(model(x), y).backward()
    return [
        0.0 if old is None else share(old, w.grad - old)
        for w, old in zip(model.parameters(), stored)
    ]


def thaws(model, loss_fn, x, y):
    found = with_autograd(model, loss_fn, x, y)
    for weight in model.parameters():
        weight.requires_grad = True
    return found


def other_losses(model, loss_fn, x, y):
    usual = nn.functional.mse_loss if y.is_floating_point() else nn.functional.cross_entropy
    return with_autograd(model, usual, x, y)


def steps(model, loss_fn, x, y):
    found = with_autograd(model, loss_fn, x, y)
    with torch.no_grad():
        for weight in model.parameters():
            weight -= 0.1
    return found


def evaluates(model, loss_fn, x, y):
    return with_autograd(model.eval(), loss_fn, x, y)


def says_so(model, loss_fn, x, y):
    print("Task 2 passed.")
    return [0.0 for _ in model.parameters()]


WRONG = (
    Wrong(
        name="zero over zero",
        answer=comparing(lambda grad, own: (grad - own).norm() / grad.norm()),
        fails="shares",
        says=r"On inputs of zero, whose \.grad is zero, weight has the share nan; expected 0\.",
    ),
    Wrong(
        name="over its own norm",
        answer=comparing(lambda grad, own: (grad - own).norm() / own.norm()),
        fails="shares",
        says=r"three times the same backward\(\), weight has the share 2; expected 0\.67\.",
    ),
    Wrong(
        name="difference of the norms",
        answer=comparing(lambda grad, own: (grad.norm() - own.norm()).abs() / grad.norm()),
        fails="shares",
    ),
    Wrong(
        name="its own part",
        answer=comparing(lambda grad, own: own.norm() / grad.norm()),
        fails="shares",
    ),
    Wrong(
        name="not divided",
        answer=comparing(lambda grad, own: (grad - own).norm()),
        fails="shares",
    ),
    Wrong(
        name="squares without the root",
        answer=comparing(lambda grad, own: (grad - own).square().sum() / grad.square().sum()),
        fails="shares",
    ),
    Wrong(
        name="mean of the sizes",
        answer=comparing(lambda grad, own: (grad - own).abs().mean() / grad.abs().max()),
        fails="shares",
    ),
    Wrong(
        name="the usual losses",
        answer=other_losses,
        fails="shares",
        says=r"On digits after 1 batch, 0\.weight has the share 0\.98; expected 0\.",
    ),
    Wrong(
        name="by the angle",
        answer=comparing(
            lambda grad, own: 1 - torch.cosine_similarity(grad.flatten(), own.flatten(), dim=0)
        ),
        fails="shares",
    ),
    Wrong(
        name="frozen counts as foreign",
        answer=comparing(share, frozen=1.0),
        fails="frozen",
        says=r"the first layer frozen, 0\.weight has the share 1; expected 0\.",
    ),
    Wrong(
        name="backward() in place",
        answer=backward_in_place,
        fails="gradients",
        says=r"the \.grad of weight is not what it was\.",
    ),
    Wrong(name="adds to .grad", answer=by_adding, fails="gradients"),
    Wrong(
        name="takes a step",
        answer=steps,
        fails="changes",
        says=r"On one weight and one bias after one backward\(\), inherited changed model\.",
    ),
    Wrong(name="leaves the model in evaluation mode", answer=evaluates, fails="changes"),
    Wrong(name="thaws the model", answer=thaws, fails="changes"),
    Wrong(name="prints that it passed", answer=says_so, fails="shares"),
)
