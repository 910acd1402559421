"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def with_a_scaler(model, loss_fn, optimizer, x, y, scale, longest):
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    optimizer.zero_grad()
    scaler.scale(loss_fn(model(x), y)).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), longest)
    scaler.step(optimizer)
    scaler.update()
    return scaler.get_scale() >= scale


def with_autograd(model, loss_fn, optimizer, x, y, scale, longest):
    weights = list(model.parameters())
    gradients = torch.autograd.grad(scale * loss_fn(model(x), y), weights)
    for weight, gradient in zip(weights, gradients):
        weight.grad = gradient / scale
    length = torch.cat([gradient.flatten() for gradient in gradients]).norm() / scale
    if not length.isfinite():
        return torch.tensor(False)
    for weight in weights:
        weight.grad *= min(1, longest / length.item())
    optimizer.step()
    return torch.tensor(True)


def scaled_limit(model, loss_fn, optimizer, x, y, scale, longest):
    model.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward(torch.full_like(loss, scale))
    length = nn.utils.clip_grad_norm_(model.parameters(), longest * scale)
    if length.isfinite():
        for weight in model.parameters():
            weight.grad.div_(scale)
        optimizer.step()
    return length.isfinite().item()


def under_autocast(dtype):
    """An answer whose layers compute in 16 bits, as the loops of the lesson do."""

    def scaled_step(model, loss_fn, optimizer, x, y, scale, longest):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=dtype):
            outputs = model(x)
        (scale * loss_fn(outputs.float(), y)).backward()
        for weight in model.parameters():
            weight.grad /= scale
        if not nn.utils.clip_grad_norm_(model.parameters(), longest).isfinite():
            return False
        optimizer.step()
        return True

    return scaled_step


RIGHT: dict[str, Function] = {
    "a scaler of PyTorch's": with_a_scaler,
    "autograd.grad, clipped by hand": with_autograd,
    "the limit scaled too": scaled_limit,
    "autocast to float16": under_autocast(torch.float16),
    "autocast to bfloat16": under_autocast(torch.bfloat16),
}


def stepping(
    *, scaled=True, divided=True, clipped="after", looks="all", says="truth", emptied=True
):
    """An answer with one thing done otherwise."""

    def scaled_step(model, loss_fn, optimizer, x, y, scale, longest):
        if emptied:
            optimizer.zero_grad()
        weights = list(model.parameters())
        ((scale if scaled else 1) * loss_fn(model(x), y)).backward()
        if clipped == "before":
            nn.utils.clip_grad_norm_(weights, longest)
        for weight in weights:
            weight.grad /= scale if divided else 1
        looked = {
            "all": weights,
            "first": weights[:1],
            "last": weights[-2:],
            "none": [],
            "matrices": [weight for weight in weights if weight.ndim > 1],
        }[looks]
        finite = all(bool(weight.grad.isfinite().all()) for weight in looked)
        if clipped == "after":
            nn.utils.clip_grad_norm_(weights, longest)
        if clipped == "to the length":
            length = nn.utils.get_total_norm([weight.grad for weight in weights])
            for weight in weights:
                weight.grad *= longest / length
        if finite:
            optimizer.step()
        return {"truth": finite, "always": True, "turned": not finite}[says]

    return scaled_step


def with_a_scaler_that(**settings):
    """A scaler of PyTorch's, set up otherwise."""

    def scaled_step(model, loss_fn, optimizer, x, y, scale, longest):
        scaler = torch.amp.GradScaler("cpu", **settings)
        before = scaler.get_scale()
        optimizer.zero_grad()
        scaler.scale(loss_fn(model(x), y)).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), longest)
        scaler.step(optimizer)
        scaler.update()
        return scaler.get_scale() >= (before if scaler.is_enabled() else scale)

    return scaled_step


def clips(cut):
    """An answer that clips in its own way."""

    def scaled_step(model, loss_fn, optimizer, x, y, scale, longest):
        optimizer.zero_grad()
        (scale * loss_fn(model(x), y)).backward()
        gradients = [weight.grad.div_(scale) for weight in model.parameters()]
        if not all(gradient.isfinite().all() for gradient in gradients):
            return False
        cut(gradients, longest)
        optimizer.step()
        return True

    return scaled_step


def each_alone(gradients, longest):
    for gradient in gradients:
        gradient *= min(1, longest / gradient.norm().clamp(min=1e-30).item())


def by_the_longest(gradients, longest):
    norm = max(gradient.norm().item() for gradient in gradients)
    for gradient in gradients:
        gradient *= min(1, longest / norm)


def steps_by_hand(model, loss_fn, optimizer, x, y, scale, longest):
    optimizer.zero_grad()
    (scale * loss_fn(model(x), y)).backward()
    for weight in model.parameters():
        weight.grad /= scale
    if not nn.utils.clip_grad_norm_(model.parameters(), longest).isfinite():
        return False
    with torch.no_grad():
        for weight in model.parameters():
            weight -= optimizer.param_groups[0]["lr"] * weight.grad
    return True


def puts_the_weights_back(model, loss_fn, optimizer, x, y, scale, longest):
    old = [weight.detach().clone() for weight in model.parameters()]
    optimizer.zero_grad()
    (scale * loss_fn(model(x), y)).backward()
    for weight in model.parameters():
        weight.grad /= scale
    length = nn.utils.clip_grad_norm_(model.parameters(), longest)
    optimizer.step()
    if length.isfinite():
        return True
    with torch.no_grad():
        for weight, before in zip(model.parameters(), old):
            weight.copy_(before)
    return False


def steps_from_zeros(model, loss_fn, optimizer, x, y, scale, longest):
    optimizer.zero_grad()
    (scale * loss_fn(model(x), y)).backward()
    for weight in model.parameters():
        weight.grad /= scale
    finite = nn.utils.clip_grad_norm_(model.parameters(), longest).isfinite().item()
    if not finite:
        optimizer.zero_grad(set_to_none=False)
    optimizer.step()
    return finite


def divides_the_rate(model, loss_fn, optimizer, x, y, scale, longest):
    optimizer.zero_grad()
    (scale * loss_fn(model(x), y)).backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), longest * scale)
    if length.isfinite():
        for group in optimizer.param_groups:
            group["lr"] /= scale
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= scale
    return length.isfinite().item()


def looks_for(strange):
    """An answer that looks for one kind of what is not finite."""

    def scaled_step(model, loss_fn, optimizer, x, y, scale, longest):
        optimizer.zero_grad()
        (scale * loss_fn(model(x), y)).backward()
        for weight in model.parameters():
            weight.grad /= scale
        if any(strange(weight.grad).any() for weight in model.parameters()):
            return False
        nn.utils.clip_grad_norm_(model.parameters(), longest)
        optimizer.step()
        return True

    return scaled_step


def looks_at_the_loss(model, loss_fn, optimizer, x, y, scale, longest):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    (scale * loss).backward()
    for weight in model.parameters():
        weight.grad /= scale
    nn.utils.clip_grad_norm_(model.parameters(), longest)
    if loss.isfinite():
        optimizer.step()
    return bool(loss.isfinite())


def looks_too_late(model, loss_fn, optimizer, x, y, scale, longest):
    optimizer.zero_grad()
    (scale * loss_fn(model(x), y)).backward()
    for weight in model.parameters():
        weight.grad /= scale
    nn.utils.clip_grad_norm_(model.parameters(), longest)
    optimizer.step()
    return all(bool(weight.isfinite().all()) for weight in model.parameters())


def makes_zeros_of_nan(model, loss_fn, optimizer, x, y, scale, longest):
    optimizer.zero_grad()
    (scale * loss_fn(model(x), y)).backward()
    finite = all(bool(weight.grad.isfinite().all()) for weight in model.parameters())
    for weight in model.parameters():
        weight.grad = torch.nan_to_num(weight.grad / scale, 0.0, 0.0, 0.0)
    nn.utils.clip_grad_norm_(model.parameters(), longest)
    optimizer.step()
    return finite


def says_so(model, loss_fn, optimizer, x, y, scale, longest):
    print("Task 1 passed.")
    return True


WRONG = (
    Wrong(
        name="not scaled",
        answer=stepping(scaled=False, divided=False),
        says=r"With a short gradient, no weight has moved\.",
    ),
    Wrong(name="not scaled, divided", answer=stepping(scaled=False)),
    Wrong(
        name="not divided",
        answer=stepping(divided=False),
        fails="short",
        says=r"With a short gradient, the step is 2 times as long as the one that float32 makes\.",
    ),
    Wrong(
        name="clipped before it is divided",
        answer=stepping(clipped="before"),
        says=r"With a short gradient, the step is \S+ times as long as",
    ),
    Wrong(
        name="lengthened too",
        answer=stepping(clipped="to the length"),
        fails="short",
        says=r"With a short gradient, the step is 2 times as long as",
    ),
    Wrong(
        name="not clipped",
        answer=stepping(clipped="never"),
        fails="long",
        says=r"With a gradient longer than `longest`, the step is 4 times as long as",
    ),
    Wrong(
        name="looks at the first layer",
        answer=stepping(looks="first"),
        fails="infinite",
        says=r"With an infinite gradient in the last layer alone, your step makes NaN",
    ),
    Wrong(
        name="looks at the last layer",
        answer=stepping(looks="last"),
        fails="infinite",
        says=r"With an infinite gradient in the first layer alone, your step makes NaN",
    ),
    Wrong(
        name="looks at the weights, not at the biases",
        answer=stepping(looks="matrices"),
        fails="infinite",
        says=r"With a gradient of -inf in one entry of a bias alone, your step makes NaN",
    ),
    Wrong(
        name="looks at the largest entry",
        answer=looks_for(lambda gradient: ~gradient.max().isfinite()),
        fails="infinite",
    ),
    Wrong(
        name="looks for NaN and inf, not for -inf",
        answer=looks_for(lambda gradient: gradient.isnan() | (gradient == torch.inf)),
        fails="infinite",
    ),
    Wrong(name="looks at nothing", answer=stepping(looks="none"), fails="infinite"),
    Wrong(name="looks at the loss", answer=looks_at_the_loss, fails="infinite"),
    Wrong(name="looks when it is too late", answer=looks_too_late),
    Wrong(
        name="makes zeros of what is infinite",
        answer=makes_zeros_of_nan,
        says=r"infinite gradient in the first layer alone, your step moves the weights",
    ),
    Wrong(
        name="says that it always stepped",
        answer=stepping(says="always"),
        fails="said",
        says=r"in the first layer alone, scaled_step returned True; expected False\.",
    ),
    Wrong(name="the other way round", answer=stepping(says="turned"), fails="said"),
    Wrong(
        name="never emptied",
        answer=stepping(emptied=False),
        fails="stale",
        says=r"With a gradient left in \.grad by an earlier batch, the step",
    ),
    Wrong(
        name="a scaler that is switched off",
        answer=with_a_scaler_that(enabled=False),
        says=r"short gradient, scaled_step returned False and no weight .* or your scaler switched",
    ),
    Wrong(
        name="a scaler with its own scale",
        answer=with_a_scaler_that(),
        fails="scale",
        says=r"With a scale of 64, scaled_step returned False and no weight has moved",
    ),
    Wrong(
        name="clips each layer alone",
        answer=clips(each_alone),
        fails="long",
        says=r"longer than `longest`, the step is 2 times as long as",
    ),
    Wrong(name="clips by the longest layer", answer=clips(by_the_longest), fails="long"),
    Wrong(
        name="steps by hand",
        answer=steps_by_hand,
        fails="optimizer",
        says=r"With an optimizer that has momentum, the step is 0\.53 times as long as",
    ),
    Wrong(
        name="looks for infinity alone",
        answer=looks_for(torch.isinf),
        fails="infinite",
        says=r"With a gradient that is NaN and nowhere infinite, your step makes NaN",
    ),
    Wrong(name="looks for NaN alone", answer=looks_for(torch.isnan), fails="infinite"),
    Wrong(
        name="steps, and puts the weights back",
        answer=puts_the_weights_back,
        fails="behind",
        says=r"With a batch behind one of NaN, some weights become NaN or infinite\.",
    ),
    Wrong(
        name="zeroes the gradient, and steps",
        answer=steps_from_zeros,
        says=r"and momentum of an earlier step, your step moves the weights; they should stay",
    ),
    Wrong(
        name="divides the rate in place of the gradient",
        answer=divides_the_rate,
        fails="optimizer",
        says=r"With Adam, the step is \S+ times as long as the one that float32 makes\.",
    ),
    Wrong(name="prints that it passed", answer=says_so, says=r"no weight has moved\."),
)
