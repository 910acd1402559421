"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy
import math

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def with_the_function(model, loss_fn, optimizer, x, y, limit):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), max_norm=limit)
    if torch.isfinite(length):
        optimizer.step()
    return length


def by_hand(model, loss_fn, optimizer, x, y, limit):
    for weight in model.parameters():
        weight.grad = None
    loss_fn(model(x), y).backward()
    length = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm().item()
    if not math.isfinite(length):
        model.zero_grad()
        return length
    if length > limit:
        for weight in model.parameters():
            weight.grad *= limit / length
    optimizer.step()
    optimizer.zero_grad()
    return length


def with_an_error(model, loss_fn, optimizer, x, y, limit):
    model.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    try:
        length = nn.utils.clip_grad_norm_(model.parameters(), limit, error_if_nonfinite=True)
    except RuntimeError:
        return float("nan")
    optimizer.step()
    return float(length)


def with_autograd(model, loss_fn, optimizer, x, y, limit):
    weights = list(model.parameters())
    gradients = torch.autograd.grad(loss_fn(model(x), y), weights)
    length = nn.utils.get_total_norm(gradients)
    for weight, gradient in zip(weights, gradients):
        weight.grad = gradient * min(1.0, limit / length.item())
    if length.isfinite():
        optimizer.step()
    return [length.item()][0]


def with_both_put_back(model, loss_fn, optimizer, x, y, limit):
    old = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), limit)
    optimizer.step()
    if not length.isfinite():
        model.load_state_dict(old[0])
        optimizer.load_state_dict(old[1])
    return length


RIGHT: dict[str, Function] = {
    "clip_grad_norm_": with_the_function,
    "by hand": by_hand,
    "error_if_nonfinite": with_an_error,
    "autograd.grad": with_autograd,
    "weights and optimizer put back": with_both_put_back,
}


def stepping(cut, *, emptied=True, careful=True, said=lambda length, limit: length):
    """An answer that cuts by `cut(model, limit)`, which returns a length."""

    def clipped_step(model, loss_fn, optimizer, x, y, limit):
        if emptied:
            optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        length = torch.as_tensor(cut(model, limit))
        if torch.isfinite(length) or not careful:
            optimizer.step()
        return said(length, limit)

    return clipped_step


def norm(model, limit):
    return nn.utils.clip_grad_norm_(model.parameters(), limit)


def length_of(model):
    return nn.utils.get_total_norm([weight.grad for weight in model.parameters()])


def by_value(model, limit):
    length = length_of(model)
    nn.utils.clip_grad_value_(model.parameters(), limit / 10)
    return length


def each_by_itself(model, limit):
    length = length_of(model)
    for weight in model.parameters():
        nn.utils.clip_grad_norm_([weight], limit)
    return length


def always_scaled(model, limit):
    length = length_of(model)
    for weight in model.parameters():
        weight.grad *= limit / length
    return length


def not_at_all(model, limit):
    return length_of(model)


def signs(model, limit):
    length = length_of(model)
    if length > limit:
        for weight in model.parameters():
            weight.grad = weight.grad.sign()
        norm(model, limit)
    return length


def nan_to_zero(model, limit):
    for weight in model.parameters():
        weight.grad = weight.grad.nan_to_num(0, 0, 0)
    return norm(model, limit)


def after_the_step(model, loss_fn, optimizer, x, y, limit):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    if not length_of(model).isfinite():
        return float("nan")
    optimizer.step()
    return norm(model, limit)


def before_backward(model, loss_fn, optimizer, x, y, limit):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    nn.utils.clip_grad_norm_(model.parameters(), limit)
    loss.backward()
    length = length_of(model)
    if length.isfinite():
        optimizer.step()
    return length


def looks_at_the_loss(model, loss_fn, optimizer, x, y, limit):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    length = norm(model, limit)
    if not torch.isnan(loss):
        optimizer.step()
    return length


def only_some(chosen):
    """An answer that looks at the gradients of some weights alone."""

    def clipped_step(model, loss_fn, optimizer, x, y, limit):
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        length = norm(model, limit)
        if all(weight.grad.isfinite().all() for weight in chosen(model)):
            optimizer.step()
        return length

    return clipped_step


def if_all(fine):
    """An answer that takes its step where each gradient is `fine`."""

    def clipped_step(model, loss_fn, optimizer, x, y, limit):
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        all_fine = all(fine(weight.grad) for weight in model.parameters())
        length = norm(model, limit)
        if all_fine:
            optimizer.step()
        return length

    return clipped_step


def with_a_loss_of_its_own(model, loss_fn, optimizer, x, y, limit):
    return with_the_function(model, nn.functional.cross_entropy, optimizer, x, y, limit)


def zeros_and_steps(model, limit):
    length = norm(model, limit)
    if not length.isfinite():
        for weight in model.parameters():
            weight.grad.zero_()
    return length


def repaired_and_cut(model, limit):
    length = length_of(model)
    for weight in model.parameters():
        weight.grad.nan_to_num_(0, 0, 0)
    norm(model, limit)
    return length


def without_the_optimizer(model, loss_fn, optimizer, x, y, limit):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    length = norm(model, limit)
    if length.isfinite():
        with torch.no_grad():
            for weight in model.parameters():
                weight -= optimizer.param_groups[0]["lr"] * weight.grad
    return length


def puts_the_weights_back(model, loss_fn, optimizer, x, y, limit):
    old = [weight.detach().clone() for weight in model.parameters()]
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    length = norm(model, limit)
    optimizer.step()
    if not length.isfinite():
        with torch.no_grad():
            for weight, before in zip(model.parameters(), old):
                weight.copy_(before)
    return length


def says_so(model, loss_fn, optimizer, x, y, limit):
    print("Task 1 passed.")
    return 1.0


WRONG = (
    Wrong(
        name="no cut",
        answer=stepping(not_at_all),
        fails="cut",
        says=r"With limit=0\.1 and a gradient \d\.?\d* long, the step is \d\.?\d* times as long",
    ),
    Wrong(name="cut by value", answer=stepping(by_value), fails="cut"),
    Wrong(
        name="signs of the entries",
        answer=stepping(signs),
        fails="cut",
        says=r"long, the step has the right length and another direction\.",
    ),
    Wrong(name="each weight by itself", answer=stepping(each_by_itself), fails="cut"),
    Wrong(name="behind the step", answer=after_the_step, fails="cut"),
    Wrong(name="before backward()", answer=before_backward, fails="cut"),
    Wrong(
        name="short ones made longer",
        answer=stepping(always_scaled),
        fails="whole",
        says=r"With limit=1000 and a gradient .* the step is \d+ times as long as it should be\.",
    ),
    Wrong(
        name="no zero_grad",
        answer=stepping(norm, emptied=False),
        fails="stale",
        says=r"After a backward\(\) on an earlier batch: With limit=0\.1",
    ),
    Wrong(
        name="the length afterwards",
        answer=stepping(norm, said=lambda length, limit: length.clamp(max=limit)),
        says=r"With limit=0\.1, 0\.1 came back; before any cut, the gradient of all weights",
    ),
    Wrong(
        name="a mean length of the weights",
        answer=stepping(norm, said=lambda length, limit: length / 2),
        fails="length",
    ),
    Wrong(
        name="steps from NaN",
        answer=stepping(norm, careful=False),
        fails="finite",
        says=r"Where the outputs are not finite, the weights do not stay where they are\.",
    ),
    Wrong(
        name="zero in place of NaN",
        answer=stepping(nan_to_zero),
        fails="finite",
    ),
    Wrong(
        name="stays, and says 0",
        answer=stepping(norm, said=lambda length, limit: length if length.isfinite() else 0.0),
        fails="finite",
        says=r"Where the outputs are not finite, 0 came back\.",
    ),
    Wrong(
        name="looks for NaN in the loss",
        answer=looks_at_the_loss,
        fails="finite",
        says=r"Where the loss is finite and the gradient is not, the weights do not stay",
    ),
    Wrong(
        name="zeroes the gradient, and steps",
        answer=stepping(zeros_and_steps, careful=False),
        fails="finite",
        says=r"Where the outputs are not finite, the weights do not stay where they are\.",
    ),
    Wrong(
        name="repairs the gradient, cuts it and steps",
        answer=stepping(repaired_and_cut, careful=False),
        fails="finite",
    ),
    Wrong(
        name="the first gradient alone",
        answer=only_some(lambda model: [*model.parameters()][:1]),
        fails="finite",
    ),
    Wrong(
        name="the last gradient alone",
        answer=only_some(lambda model: [*model.parameters()][-1:]),
        fails="finite",
        says=r"Where the loss is finite and the gradient is not, the weights do not stay",
    ),
    Wrong(
        name="the weights, no biases",
        answer=only_some(lambda model: [one for one in model.parameters() if one.ndim > 1]),
        fails="finite",
        says=r"one entry of a bias has a gradient of -inf, the weights do not stay where they are",
    ),
    Wrong(
        name="the largest entry alone",
        answer=if_all(lambda gradient: gradient.max().isfinite()),
        fails="finite",
    ),
    Wrong(
        name="neither NaN nor inf, but -inf",
        answer=if_all(lambda gradient: not (gradient.isnan() | (gradient == torch.inf)).any()),
        fails="finite",
    ),
    Wrong(
        name="a loss of its own",
        answer=with_a_loss_of_its_own,
        fails="loss",
        says=r"With nn\.MultiMarginLoss as loss_fn: With limit=1000 .*, the step is",
    ),
    Wrong(
        name="without the optimizer",
        answer=without_the_optimizer,
        fails="momentum",
        says=r"With momentum of an earlier step: With limit=0\.1 .*, the step is \S+ times as long",
    ),
    Wrong(
        name="steps, and puts the weights back",
        answer=puts_the_weights_back,
        fails="behind",
        says=r"In the step after a batch of NaN: With limit=0\.1 .*, some weights become NaN",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
