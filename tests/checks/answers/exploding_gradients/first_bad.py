"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def in_order(model, x):
    if not torch.isfinite(x).all():
        return "inputs"
    for name, layer in model.named_children():
        x = layer(x)
        if not torch.isfinite(x).all():
            return name
    return None


def with_hooks(model, x):
    names = {layer: name for name, layer in model.named_children()}
    found = [] if x.isfinite().all() else ["inputs"]

    def look(layer, came, out):
        if out.isinf().any() or out.isnan().any():
            found.append(names[layer])

    hooks = [layer.register_forward_hook(look) for layer in names]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return found[0] if found else None


def by_the_sum(model, x):
    places = {"inputs": x}
    with torch.no_grad():
        for name, layer in model.named_children():
            x = layer(x)
            places[name] = x
    for name, values in places.items():
        if not np.isfinite(values.detach().numpy()).all():
            return str(name)


RIGHT: dict[str, Function] = {
    "in order": in_order,
    "hooks": with_hooks,
    "numpy, all places first": by_the_sum,
}


def looking(bad, *, inputs=True, layers=nn.Module, last=False, none=None):
    """An answer that looks for `bad` values behind layers of a kind."""

    def first_bad(model, x):
        found = ["inputs"] if inputs and bad(x).any() else []
        with torch.no_grad():
            for name, layer in model.named_children():
                x = layer(x)
                if isinstance(layer, layers) and bad(x).any():
                    found.append(name)
        return (found[-1] if last else found[0]) if found else none

    return first_bad


def not_finite(values):
    return ~torch.isfinite(values)


def by_number(model, x):
    found = in_order(model, x)
    names = [name for name, layer in model.named_children()]
    return str(names.index(found)) if found in names else found


def freezes(model, x):
    found = in_order(model, x)
    model.eval()
    return found


def cleans(model, x):
    found = in_order(model, x)
    x.nan_to_num_()
    return found


def through_all_modules(model, x):
    if not x.isfinite().all():
        return "inputs"
    for name, layer in model.named_modules():
        if name:
            x = layer(x)
            if not x.isfinite().all():
                return name


def through_the_smallest_modules(model, x):
    if not x.isfinite().all():
        return "inputs"
    for name, layer in model.named_modules():
        if not [*layer.children()]:
            x = layer(x)
            if not x.isfinite().all():
                return name


def leaves_hooks(model, x):
    found = [] if x.isfinite().all() else ["inputs"]
    for name, layer in model.named_children():

        def look(layer, came, out, name=name):
            if not out.isfinite().all():
                found.append(name)

        layer.register_forward_hook(look)
    model(x)
    return found[0] if found else None


def weights_first(model, x):
    if not x.isfinite().all():
        return "inputs"
    for name, layer in model.named_children():
        if any(not weight.isfinite().all() for weight in layer.parameters()):
            return name
    return in_order(model, x)


def says_so(model, x):
    print("The optional task passed.")


WRONG = (
    Wrong(
        name="NaN only",
        answer=looking(torch.isnan),
        fails="place",
        says=r"On a network that overflows to inf in its second Linear, your answer is '\d'; "
        r"expected '2'\.",
    ),
    Wrong(name="inf only", answer=looking(torch.isinf), fails="place"),
    Wrong(name="not -inf", answer=looking(lambda v: v.isposinf() | v.isnan()), fails="place"),
    Wrong(name="the last", answer=looking(not_finite, last=True), fails="place"),
    Wrong(name="not the inputs", answer=looking(not_finite, inputs=False), fails="place"),
    Wrong(name="behind ReLU only", answer=looking(not_finite, layers=nn.ReLU), fails="place"),
    Wrong(
        name="large is not infinite",
        answer=looking(lambda values: ~(values.abs() < 1e35)),
        fails="place",
        says=r"On a network in which all is finite, and large, your answer is '0'; expected None\.",
    ),
    Wrong(name="a word for none", answer=looking(not_finite, none="none"), fails="place"),
    Wrong(name="numbers, not names", answer=by_number, fails="place"),
    Wrong(
        name="leaves the model in evaluation mode",
        answer=freezes,
        fails="changes",
        says=r"first_bad changed the model or the rows\.",
    ),
    Wrong(name="cleans the rows", answer=cleans, fails="changes"),
    Wrong(name="blocks and their layers", answer=through_all_modules, fails="place"),
    Wrong(name="layers inside blocks", answer=through_the_smallest_modules, fails="place"),
    Wrong(name="behind Linear only", answer=looking(not_finite, layers=nn.Linear), fails="place"),
    Wrong(name="the sum", answer=looking(lambda v: ~v.sum().isfinite()), fails="place"),
    Wrong(
        name="leaves its hooks",
        answer=leaves_hooks,
        fails="changes",
        says=r"On a network in which all is finite, and large, first_bad left a hook on the model",
    ),
    Wrong(
        name="the largest value alone",
        answer=looking(lambda values: ~values.max().isfinite()),
        fails="place",
        says=r"overflows to -inf, which the ReLU behind it makes 0, your answer is None; expected",
    ),
    Wrong(
        name="the last row alone",
        answer=looking(lambda values: ~values[-1].isfinite()),
        fails="place",
        says=r"On rows that hold a NaN, your answer is None; expected 'inputs'",
    ),
    Wrong(
        name="the first row alone",
        answer=looking(lambda values: ~values[0].isfinite()),
        fails="place",
    ),
    Wrong(
        name="a NaN among the weights first",
        answer=weights_first,
        fails="place",
        says=r"overflows to inf in its second Linear, your answer is '6'; expected '2'",
    ),
    Wrong(name="prints that it passed", answer=says_so, fails="place"),
)
