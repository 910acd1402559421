"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import torch

from tests.checks.answers.kit import Function, Wrong


def marking(size=1e6, *, at=None, back=True, removed=True, says=any):
    """An answer that puts a mark into .grad behind a step, and looks for it before one."""

    def keeps_old(one_pass, model, optimizer, batches):
        before, seen = copy.deepcopy(model.state_dict()), []

        def grads():
            return [weight.grad for weight in model.parameters() if weight.grad is not None]

        def look(*_):
            seen.append(any((grad.abs() > size / 10).any() for grad in grads()))

        def mark(*_):
            for grad in grads():
                grad.fill_(size)

        hooks = [optimizer.register_step_pre_hook(look), optimizer.register_step_post_hook(mark)]
        one_pass(batches if at is None else batches[:at])
        for hook in hooks if removed else []:
            hook.remove()
        if back:
            model.load_state_dict(before)
        return bool(says(seen))

    return keeps_old


def with_its_own_gradient(one_pass, model, optimizer, batches):
    before = copy.deepcopy(model.state_dict())
    found = []

    def look(*_):
        x, y = batches[len(found)]
        loss = torch.nn.functional.cross_entropy(model(x), y)
        weights = list(model.parameters())
        own = torch.autograd.grad(loss, weights)
        found.append(all(torch.allclose(w.grad, g) for w, g in zip(weights, own, strict=True)))

    hook = optimizer.register_step_pre_hook(look)
    one_pass(batches)
    hook.remove()
    model.load_state_dict(before)
    return not all(found)


def many_batches(one_pass, model, optimizer, batches):
    return marking(1e9)(one_pass, model, optimizer, batches * 3)


def as_a_tensor(one_pass, model, optimizer, batches):
    return torch.tensor([marking()(one_pass, model, optimizer, batches)])


RIGHT: dict[str, Function] = {
    "a tensor of one": as_a_tensor,
    "a mark": marking(),
    "a larger mark, six batches": many_batches,
    "the batch's own gradient": with_its_own_gradient,
}


def left_over(one_pass, model, optimizer, batches):
    before = copy.deepcopy(model.state_dict())
    one_pass(batches)
    old = any(w.grad is not None for w in model.parameters())
    model.load_state_dict(before)
    return old


def marked_first(one_pass, model, optimizer, batches):
    before = copy.deepcopy(model.state_dict())
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, 1e6)
    seen = []
    hook = optimizer.register_step_pre_hook(
        lambda *_: seen.append(any((w.grad > 1e5).any() for w in model.parameters()))
    )
    one_pass(batches)
    hook.remove()
    model.load_state_dict(before)
    return any(seen)


def a_longer_gradient(one_pass, model, optimizer, batches):
    before, sizes = copy.deepcopy(model.state_dict()), []

    def look(*_):
        grads = [w.grad.flatten() for w in model.parameters() if w.grad is not None]
        sizes.append(torch.cat(grads).norm())

    hook = optimizer.register_step_pre_hook(look)
    one_pass(batches)
    hook.remove()
    model.load_state_dict(before)
    return bool(sizes[1] > sizes[0])


def before_the_forward_pass(one_pass, model, optimizer, batches):
    before, seen = copy.deepcopy(model.state_dict()), []

    def look(*_):
        seen.append(any(w.grad is not None and w.grad.any() for w in model.parameters()))

    hook = model.register_forward_pre_hook(look)
    one_pass(batches)
    hook.remove()
    model.load_state_dict(before)
    return any(seen)


WRONG = (
    Wrong(
        name="what .grad holds before the forward pass",
        answer=before_the_forward_pass,
        fails="sound",
        says=r"A loop with model\.zero_grad\(\) right before backward is sound; your function says",
    ),
    Wrong(
        name="the second gradient is longer",
        answer=a_longer_gradient,
        fails="sound",
        says=r"A loop with zero_grad before backward is sound; your function says True",
    ),
    Wrong(
        name="one batch alone",
        answer=marking(at=1),
        fails="old",
        says=r"A loop without zero_grad keeps old gradients; your function says False",
    ),
    Wrong(name="never", answer=lambda *_: False, fails="old"),
    Wrong(
        name="always",
        answer=lambda *_: True,
        fails="sound",
        says=r"A loop with zero_grad before backward is sound; your function says True",
    ),
    Wrong(name="something in .grad at the end", answer=left_over, fails="sound"),
    Wrong(name="a mark before the first step", answer=marked_first),
    Wrong(name="the other way round", answer=marking(says=lambda seen: not any(seen))),
    Wrong(
        name="weights left",
        answer=marking(back=False),
        fails="clean",
        says=r"In a loop with zero_grad before backward, something is left: other weights, or",
    ),
    Wrong(name="hooks left", answer=marking(removed=False), fails="clean"),
)
