"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy
import math

import torch
from torch.nn.utils import parameters_to_vector

from tests.checks.answers.kit import Function, Wrong


def sound(*tensors):
    return all(torch.isfinite(one).all() for one in tensors)


def largest(*tensors):
    return all(one.max().isfinite() for one in tensors)


def smallest(*tensors):
    return all(one.min().isfinite() for one in tensors)


def below_a_limit(*tensors):
    return all((one.abs() < 1e38).all() for one in tensors)


def no_nan(*tensors):
    return not any(torch.isnan(one).any() for one in tensors)


def unguarded(model, loss_fn, x, y, *, fine=sound, weights=list, gradients=list):
    """The right answer, but on the model and the batch themselves; keywords make it wrong."""
    trained = list(model.parameters())
    if not fine(*weights(trained)):
        return "weights"
    if not fine(x):
        return "inputs"
    for name, layer in model.named_children():
        x = layer(x)
        if not fine(x):
            return name
    loss = loss_fn(x, y)
    if not fine(loss):
        return "loss"
    trained = [weight for weight in trained if weight.requires_grad]
    return "nowhere" if fine(*gradients(torch.autograd.grad(loss, trained))) else "gradient"


def guarded(**other):
    """The right answer on copies, or a wrong one."""
    return lambda model, loss_fn, x, y: unguarded(
        copy.deepcopy(model), loss_fn, x.clone(), y, **other
    )


step_by_step = guarded()


def by_hooks(model, loss_fn, x, y):
    model, x = copy.deepcopy(model), x.clone()
    if not sound(parameters_to_vector(model.parameters())):
        return "weights"
    if not sound(x):
        return "inputs"
    found = []
    hooks = [
        layer.register_forward_hook(
            lambda _, __, out, name=name: None if sound(out) else found.append(name)
        )
        for name, layer in model.named_children()
    ]
    outputs = model(x)
    for hook in hooks:
        hook.remove()
    if found:
        return int(found[0]) if found[0].isdigit() else found[0]
    loss = loss_fn(outputs, y)
    if loss.isnan() or loss.isinf():
        return "Loss"
    gradients = torch.autograd.grad(loss, [w for w in model.parameters() if w.requires_grad])
    return "nowhere" if all(math.isfinite(one.sum()) for one in gradients) else "gradient"


def on_a_copy(model, loss_fn, x, y):
    model, outputs = copy.deepcopy(model), x.clone()
    lines = [("weights", parameters_to_vector(model.parameters())), ("inputs", x)]
    for name, layer in model._modules.items():
        outputs = layer(outputs)
        lines.append((name, outputs.clone()))  # the next layer may work in place
    loss = loss_fn(outputs, y)
    loss.backward()
    lines.append(("loss", loss))
    lines += [("gradient", w.grad) for w in model.parameters() if w.grad is not None]
    return next((name for name, numbers in lines if not sound(numbers)), "nowhere")


RIGHT: dict[str, Function] = {
    "step by step": step_by_step,
    "with hooks": by_hooks,
    "on a copy": on_a_copy,
}


def replacing(**other):
    """The right answer, some of its words replaced."""
    return lambda *given: other.get(step_by_step(*given), step_by_step(*given))


def in_mode(training):
    """The right answer, in one mode for all models."""
    return lambda model, *given: step_by_step(copy.deepcopy(model).train(training), *given)


def wants_every_gradient(model, loss_fn, x, y):
    found = step_by_step(model, loss_fn, x, y)
    frozen = any(not weight.requires_grad for weight in model.parameters())
    return "gradient" if found == "nowhere" and frozen else found


def inputs_first(model, loss_fn, x, y):
    return step_by_step(model, loss_fn, x, y) if sound(x) else "inputs"


def renaming(rename):
    """The right answer, with other names for the layers: what comes is their names, and which."""

    def answer(model, loss_fn, x, y):
        found, names = step_by_step(model, loss_fn, x, y), list(model._modules)
        return rename(names, names.index(found)) if found in names else found

    return answer


def infinite_loss_let_pass(model, loss_fn, x, y):
    loss = loss_fn(copy.deepcopy(model)(x.clone()), y)
    found = step_by_step(model, loss_fn, x, y)
    return "gradient" if found == "loss" and loss.isinf() else found


def gradient_at_zero(model, loss_fn, x, y):
    found = step_by_step(model, loss_fn, x, y)
    return "nowhere" if found == "gradient" and model(x).any() else found


def leaves_gradients(model, loss_fn, x, y):
    found, twin = step_by_step(model, loss_fn, x, y), copy.deepcopy(model)
    loss_fn(twin(x.clone()), y).backward()
    for weight, other in zip(model.parameters(), twin.parameters(), strict=True):
        weight.grad = other.grad
    return found


def takes_a_step(model, loss_fn, x, y):
    found = step_by_step(model, loss_fn, x, y)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.5)
            weight.add_(1.0)
    return found


def mends_the_nans_of_the_batch(model, loss_fn, x, y):
    found = step_by_step(model, loss_fn, x, y)
    if x.isnan().any():
        x.nan_to_num_()
    return found


def mends_the_nans_of_the_weights(model, loss_fn, x, y):
    found = step_by_step(model, loss_fn, x, y)
    with torch.no_grad():
        for weight in model.parameters():
            weight[weight.isnan()] = 0
    return found


def evaluates_where_there_is_a_nan(model, loss_fn, x, y):
    found = step_by_step(model, loss_fn, x, y)
    if found == "weights":
        model.eval()
    return found


def mends_the_batch(model, loss_fn, x, y):
    found = step_by_step(model, loss_fn, x, y)
    x.mul_(2.0)
    return found


def says_so(model, loss_fn, x, y):
    print("Task 2 passed.")
    return "inputs"


WRONG = (
    Wrong(
        name="always finds something",
        answer=replacing(nowhere="gradient"),
        fails="healthy",
        says=r"On a sound network, began says 'gradient'; it is 'nowhere'\.",
    ),
    Wrong(
        name="in evaluation mode",
        answer=in_mode(False),
        fails="healthy",
        says=r"would overflow in evaluation mode, began says '1'; it is 'nowhere'\.",
    ),
    Wrong(
        name="in training mode",
        answer=in_mode(True),
        fails="layers",
        says=r"in evaluation mode whose BatchNorm overflows there, began says 'nowhere'; it is '1'",
    ),
    Wrong(
        name="a gradient that is not there is none that is finite",
        answer=wants_every_gradient,
        fails="healthy",
        says=r"its first layer frozen, began says 'gradient'; it is 'nowhere'\.",
    ),
    Wrong(
        name="no look at the weights",
        answer=guarded(weights=lambda _: []),
        fails="before",
        says=r"whose last bias has a NaN, began says '2'; it is 'weights'\.",
    ),
    Wrong(
        name="inputs before weights",
        answer=inputs_first,
        fails="before",
        says=r"an infinite weight, and a batch with a NaN, began says 'inputs'; it is 'weights'\.",
    ),
    Wrong(name="NaN alone", answer=guarded(fine=no_nan)),
    Wrong(
        name="the largest alone",
        answer=guarded(fine=largest),
        fails="before",
        says=r"On a batch with a cell of minus infinity, began says '0'; it is 'inputs'\.",
    ),
    Wrong(name="the smallest alone", answer=guarded(fine=smallest), fails="before"),
    Wrong(
        name="large is infinite",
        answer=guarded(fine=below_a_limit),
        fails="layers",
        says=r"On weights of 3e38, all finite, began says 'weights'; it is '0'\.",
    ),
    Wrong(
        name="the last layer",
        answer=renaming(lambda names, _: names[-1]),
        fails="layers",
        says=r"a layer that takes logarithms, began says '2'; it is '1'\.",
    ),
    Wrong(
        name="a layer too far",
        answer=renaming(lambda names, place: [*names, "loss"][place + 1]),
        fails="layers",
    ),
    Wrong(
        name="not the last layer",
        answer=renaming(lambda names, place: [*names[:-1], "loss"][place]),
        fails="layers",
        says=r"a network whose layers have names, began says 'loss'; it is 'head'\.",
    ),
    Wrong(
        name="the first layer or the second",
        answer=renaming(lambda names, place: names[min(place, 1)]),
        fails="layers",
        says=r"began says 'bend'; it is 'head'\.",
    ),
    Wrong(
        name="numbers for names",
        answer=renaming(lambda _, place: str(place)),
        fails="layers",
        says=r"began says '2'; it is 'head'\.",
    ),
    Wrong(
        name="the first weights alone",
        answer=guarded(weights=lambda all_: all_[:2]),
        fails="before",
    ),
    Wrong(
        name="the last weights alone",
        answer=guarded(weights=lambda all_: all_[-2:]),
        fails="before",
        says=r"a network with an infinite weight.*, began says 'inputs'; it is 'weights'\.",
    ),
    Wrong(
        name="an infinite weight is let pass",
        answer=guarded(weights=lambda all_: [one for one in all_ if one.isnan().any()]),
        fails="before",
    ),
    Wrong(
        name="an infinite loss is let pass",
        answer=infinite_loss_let_pass,
        fails="after",
        says=r"a logarithm of zero, began says 'gradient'; it is 'loss'\.",
    ),
    Wrong(
        name="the gradient of the first weight",
        answer=guarded(gradients=lambda all_: all_[:1]),
        fails="after",
        says=r"class weights of 1e10, began says 'nowhere'; it is 'gradient'\.",
    ),
    Wrong(
        name="the gradient of the last weight",
        answer=guarded(gradients=lambda all_: all_[-1:]),
        fails="after",
    ),
    Wrong(name="a gradient where all outputs are zero", answer=gradient_at_zero, fails="after"),
    Wrong(
        name="no gradient",
        answer=replacing(gradient="nowhere"),
        fails="after",
        says=r"the length of the outputs, all zero, began says 'nowhere'; it is 'gradient'\.",
    ),
    Wrong(name="loss and gradient as one", answer=replacing(loss="gradient"), fails="after"),
    Wrong(
        name="leaves gradients",
        answer=leaves_gradients,
        fails="traces",
        says=r"On a sound network, a gradient stays behind in the \.grad of 0\.weight\.",
    ),
    Wrong(
        name="no copies",
        answer=unguarded,
        fails="traces",
        says=r"BatchNorm and layers in place, began changed model and x\. Hint: .*deepcopy",
    ),
    Wrong(
        name="no copy of the model",
        answer=lambda model, loss_fn, x, y: unguarded(model, loss_fn, x.clone(), y),
        fails="traces",
        says=r"began changed model\.",
    ),
    Wrong(
        name="no copy of the batch",
        answer=lambda model, *given: unguarded(copy.deepcopy(model), *given),
        fails="traces",
        says=r"began changed x\.",
    ),
    Wrong(name="changes the weights", answer=takes_a_step, fails="traces"),
    Wrong(
        name="mends the NaNs of the batch",
        answer=mends_the_nans_of_the_batch,
        fails="traces",
        says=r"On a batch with an empty cell, began changed x\.",
    ),
    Wrong(
        name="mends the NaNs of the weights",
        answer=mends_the_nans_of_the_weights,
        fails="traces",
        says=r"On a network whose last bias has a NaN, began changed model\.",
    ),
    Wrong(
        name="in evaluation mode where a weight is NaN",
        answer=evaluates_where_there_is_a_nan,
        fails="traces",
    ),
    Wrong(name="changes the batch", answer=mends_the_batch, fails="traces"),
    Wrong(name="prints that it passed", answer=says_so),
)
