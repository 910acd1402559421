"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch

from tests.checks.answers.kit import Function, Wrong


def before_the_step(model, loss_fn, optimizer, x, y, decay):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    with torch.no_grad():
        for group in optimizer.param_groups:
            for weight in group["params"]:
                weight.mul_(1 - group["lr"] * decay)
    optimizer.step()


def after_the_step(model, loss_fn, optimizer, x, y, decay):
    loss = loss_fn(model(x), y)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight.data -= group["lr"] * decay * weight.data


def by_the_optimizer_itself(model, loss_fn, optimizer, x, y, decay):
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    rates = [group["lr"] for group in optimizer.param_groups for _ in group["params"]]
    kept = [weight.detach().clone() for weight in weights]
    for weight, gradient in zip(weights, torch.autograd.grad(loss_fn(model(x), y), weights)):
        weight.grad = gradient
    optimizer.step()
    with torch.no_grad():
        for weight, rate, old in zip(weights, rates, kept):
            weight -= rate * decay * old
    return "done"


RIGHT: dict[str, Function] = {
    "before the step": before_the_step,
    "after the step": after_the_step,
    "of the old weights, gradients by autograd": by_the_optimizer_itself,
}


def stepping(shrink, *, emptied=True):
    """An answer that shrinks by `shrink(optimizer, model, decay)` after the step."""

    def decaying_step(model, loss_fn, optimizer, x, y, decay):
        if emptied:
            optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            shrink(optimizer, model, decay)

    return decaying_step


def by_groups(optimizer, model, decay):
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight *= 1 - group["lr"] * decay


def by_the_first_rate(optimizer, model, decay):
    for weight in model.parameters():
        weight *= 1 - optimizer.param_groups[0]["lr"] * decay


def by_a_fixed_rate(optimizer, model, decay):
    for weight in model.parameters():
        weight *= 1 - 0.003 * decay


def without_the_rate(optimizer, model, decay):
    for weight in model.parameters():
        weight *= 1 - decay


def growing(optimizer, model, decay):
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight *= 1 + group["lr"] * decay


def matrices_only(optimizer, model, decay):
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight *= 1 - (group["lr"] * decay if weight.ndim > 1 else 0)


def to_no_number(optimizer, model, decay):
    for weight in model.parameters():
        weight *= torch.nan


def as_an_option(model, loss_fn, optimizer, x, y, decay):
    for group in optimizer.param_groups:
        group["weight_decay"] = decay
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()


def in_the_loss(model, loss_fn, optimizer, x, y, decay):
    optimizer.zero_grad()
    squares = sum((weight**2).sum() for weight in model.parameters())
    (loss_fn(model(x), y) + decay / 2 * squares).backward()
    optimizer.step()


def another_optimizer(model, loss_fn, optimizer, x, y, decay):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=decay)
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()


def says_so(model, loss_fn, optimizer, x, y, decay):
    print("Task 1 passed.")


WRONG = (
    Wrong(
        name="an option of the optimizer",
        answer=as_an_option,
        fails="adam",
        says=r"With Adam and decay=5, the weights end \d+% .*: the decay stands inside the",
    ),
    Wrong(name="in the loss", answer=in_the_loss, fails="adam", says="inside the gradient"),
    Wrong(
        name="one rate for all",
        answer=stepping(by_the_first_rate),
        fails="groups",
        says=r"With SGD, two groups .*: the decay of all weights has the rate of the first group\.",
    ),
    Wrong(name="a rate of its own", answer=stepping(by_a_fixed_rate), fails="groups",
          says="a rate that is not the optimizer's"),
    Wrong(name="another optimizer", answer=another_optimizer, fails="groups"),
    Wrong(name="no rate", answer=stepping(without_the_rate), says="the decay lacks the rate"),
    Wrong(name="no decay", answer=stepping(lambda *_: None), says="there is no decay in it"),
    Wrong(name="grows", answer=stepping(growing)),
    Wrong(name="not the biases", answer=stepping(matrices_only)),
    Wrong(name="NaN", answer=stepping(to_no_number), says="some weights become NaN or infinite"),
    Wrong(
        name="never empties",
        answer=stepping(by_groups, emptied=False),
        fails="stale",
        says=r"After a backward\(\) on an earlier batch, the weights end \d+%",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)  # fmt: skip
