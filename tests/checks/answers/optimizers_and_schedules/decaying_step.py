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
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight *= 1 - optimizer.param_groups[0]["lr"] * decay


def all_by_the_first_rate(optimizer, model, decay):
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


def decayed_first(model, loss_fn, optimizer, x, y, decay):
    optimizer.zero_grad()
    with torch.no_grad():
        by_groups(optimizer, model, decay)
    loss_fn(model(x), y).backward()
    optimizer.step()


def anew(model, loss_fn, optimizer, x, y, decay):
    groups = [{"params": one["params"], "lr": one["lr"]} for one in optimizer.param_groups]
    before_the_step(model, loss_fn, type(optimizer)(groups), x, y, decay)


def forgetting(model, loss_fn, optimizer, x, y, decay):
    optimizer.state.clear()
    before_the_step(model, loss_fn, optimizer, x, y, decay)


def first_step_of_adam_by_hand(model, loss_fn, optimizer, x, y, decay):
    if not isinstance(optimizer, torch.optim.Adam):
        return before_the_step(model, loss_fn, optimizer, x, y, decay)
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    with torch.no_grad():
        for group in optimizer.param_groups:
            for weight in group["params"]:
                change = weight.grad / (weight.grad.abs() + group["eps"]) + decay * weight
                weight -= group["lr"] * change


def as_a_flag(model, loss_fn, optimizer, x, y, decay):
    for group in optimizer.param_groups:
        group["weight_decay"] = decay
        group["decoupled_weight_decay"] = True
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()


def by_the_rate_of_the_start(optimizer, model, decay):
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight *= 1 - group.get("initial_lr", group["lr"]) * decay


def by_every_weight_of_the_model(optimizer, model, decay):
    rates = {id(one): group["lr"] for group in optimizer.param_groups for one in group["params"]}
    for weight in model.parameters():
        weight *= 1 - rates.get(id(weight), optimizer.param_groups[0]["lr"]) * decay


def empties_afterwards(model, loss_fn, optimizer, x, y, decay):
    loss_fn(model(x), y).backward()
    optimizer.step()
    with torch.no_grad():
        by_groups(optimizer, model, decay)
    optimizer.zero_grad()


def with_a_loss_of_its_own(model, loss_fn, optimizer, x, y, decay):
    before_the_step(model, torch.nn.functional.cross_entropy, optimizer, x, y, decay)


def says_so(model, loss_fn, optimizer, x, y, decay):
    print("Task 1 passed.")


WRONG = (
    Wrong(
        name="an option of the optimizer",
        answer=as_an_option,
        says=r"With Adam and decay=5, two steps .* \d+% .*: the decay stands inside the",
    ),
    Wrong(name="in the loss", answer=in_the_loss, says="inside the gradient"),
    Wrong(
        name="one rate for all",
        answer=stepping(by_the_first_rate),
        fails="groups",
        says=r"With SGD, momentum, two groups .*: the decay of all weights has the rate of the",
    ),
    Wrong(
        name="one rate for the whole model",
        answer=stepping(all_by_the_first_rate),
        says="the decay of all weights has the rate of the first group",
    ),
    Wrong(
        name="a rate of its own",
        answer=stepping(by_a_fixed_rate),
        says="a rate that is not the optimizer's",
    ),
    Wrong(name="another optimizer", answer=another_optimizer),
    Wrong(
        name="no rate",
        answer=stepping(without_the_rate),
        says=r"by \d+ times the right way's length: the decay lacks the rate",
    ),
    Wrong(name="no decay", answer=stepping(lambda *_: None), says="there is no decay in it"),
    Wrong(name="grows", answer=stepping(growing)),
    Wrong(name="not the biases", answer=stepping(matrices_only), says="the biases do not decay"),
    Wrong(
        name="decays before the forward pass",
        answer=decayed_first,
        fails="adam",
        says="the gradient is taken at weights that have already decayed",
    ),
    Wrong(name="a new optimizer each time", answer=anew, says="forgets the steps before"),
    Wrong(name="empties the state", answer=forgetting, says="forgets the steps before"),
    Wrong(
        name="the first step of Adam",
        answer=first_step_of_adam_by_hand,
        fails="adam",
        says="forgets the steps before",
    ),
    Wrong(
        name="a flag that SGD does not have",
        answer=as_a_flag,
        fails="groups",
        says=r"With SGD, momentum, .*: the decay stands inside the gradient",
    ),
    Wrong(
        name="the rate of the start",
        answer=stepping(by_the_rate_of_the_start),
        fails="schedule",
        says=r"a tenth .*: the decay keeps the rate of the start\.",
    ),
    Wrong(
        name="weights that the optimizer does not hold",
        answer=stepping(by_every_weight_of_the_model),
        fails="held",
        says=r"the first layer alone.*: weights that the optimizer does not hold decay too\.",
    ),
    Wrong(
        name="a loss of its own",
        answer=with_a_loss_of_its_own,
        fails="loss",
        says=r"nn\.MultiMarginLoss as loss_fn, two steps miss the right weights by .* is handed a",
    ),
    Wrong(
        name="empties afterwards",
        answer=empties_afterwards,
        fails="stale",
        says=r"After a backward\(\) on an earlier batch, two steps with SGD",
    ),
    Wrong(name="NaN", answer=stepping(to_no_number), says="some weights become NaN or infinite"),
    Wrong(
        name="never empties",
        answer=stepping(by_groups, emptied=False),
        says=r"After a backward\(\) on an earlier batch, .* by \d+% of the right way's length\. "
        r"Hint: backward\(\) adds",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)  # fmt: skip
