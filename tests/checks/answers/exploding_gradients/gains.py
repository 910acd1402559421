"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def layer_by_layer(model, x):
    factors = []
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                came = x.norm()
                factors.append(None)
            x = layer(x)
            factors[-1] = (x.norm() / came).item()
    return factors


def with_gradients(model, x):
    lengths = []
    for layer in model:
        if hasattr(layer, "weight"):
            lengths.append(torch.sqrt((x**2).sum()))
        x = layer(x)
    lengths.append(torch.sqrt((x**2).sum()))
    return [after / before for before, after in zip(lengths, lengths[1:])]


def with_hooks(model, x):
    lengths = []

    def look(layer, came):
        lengths.append(came[0].detach().square().sum().item() ** 0.5)

    linears = [layer for layer in model.modules() if type(layer) is nn.Linear]
    hooks = [layer.register_forward_pre_hook(look) for layer in linears]
    lengths.append(model(x).detach().norm().item())
    for hook in hooks:
        hook.remove()
    return torch.tensor(lengths[1:]) / torch.tensor(lengths[:-1])


def in_numpy(model, x):
    signal, found = x.numpy(), []
    for place, layer in enumerate(model):
        if isinstance(layer, nn.Linear):
            out = signal @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
            if isinstance(model[min(place + 1, len(model) - 1)], nn.ReLU):
                out = np.maximum(out, 0)
            found.append(np.linalg.norm(out) / np.linalg.norm(signal))
            signal = out
    return np.array(found)


RIGHT: dict[str, Function] = {
    "layer by layer": layer_by_layer,
    "tensors that hold a gradient": with_gradients,
    "hooks": with_hooks,
    "numpy": in_numpy,
}


def measuring(factor):
    """An answer that measures `factor(layer, came, out)` of each Linear with its ReLU."""

    def gains(model, x):
        found = []
        with torch.no_grad():
            for place, layer in enumerate(model):
                if isinstance(layer, nn.Linear):
                    out = layer(x)
                    if isinstance(model[min(place + 1, len(model) - 1)], nn.ReLU):
                        out = out.relu()
                    found.append(factor(layer, x, out).item())
                    x = out
        return found

    return gains


def before_the_relu(model, x):
    found = []
    with torch.no_grad():
        for layer in model:
            out = layer(x)
            if isinstance(layer, nn.Linear):
                found.append((out.norm() / x.norm()).item())
            x = out
    return found


def from_the_input(model, x):
    start, found = x.norm(), []
    with torch.no_grad():
        for layer in model:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                found.append((x.norm() / start).item())
    return found


def without_relu(model, x):
    found = []
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Linear):
                out = layer(x)
                found.append((out.norm() / x.norm()).item())
                x = out
    return found


def scaled_first(model, x):
    x /= x.norm()
    return layer_by_layer(model, x)


def centred_first(model, x):
    return layer_by_layer(model, x - x.mean(dim=0))


def frozen(model, x):
    for weight in model.parameters():
        weight.requires_grad = False
    return layer_by_layer(model, x)


def evaluates(model, x):
    return layer_by_layer(model.eval(), x)


def a_relu_behind_all_but_the_last(model, x):
    linears = [layer for layer in model if isinstance(layer, nn.Linear)]
    found = []
    for layer in linears:
        out = layer(x)
        if layer is not linears[-1]:
            out = out.relu()
        found.append((out.norm() / x.norm()).item())
        x = out
    return found


def in_steps_of_two(model, x):
    found = []
    for place in range(0, len(model), 2):
        out = model[place : place + 2](x)
        found.append((out.norm() / x.norm()).item())
        x = out
    return found


def leaves_a_hook(model, x):
    model[0].register_forward_hook(lambda layer, came, out: None)
    return layer_by_layer(model, x)


def leaves_gradients(model, x):
    model(x).norm().backward()
    return layer_by_layer(model, x)


def says_so(model, x):
    print("Task 2 passed.")
    return [1.0 for layer in model if isinstance(layer, nn.Linear)]


WRONG = (
    Wrong(
        name="before the ReLU",
        answer=before_the_relu,
        fails="factors",
        says=r"On two units, of which the ReLU drops one, Linear layer 1 of 2 has the factor 5; "
        r"expected 3\.",
    ),
    Wrong(name="from the input on", answer=from_the_input, fails="factors"),
    Wrong(name="no ReLU at all", answer=without_relu, fails="factors"),
    Wrong(
        name="spreads",
        answer=measuring(lambda layer, came, out: out.std(correction=0) / came.std(correction=0)),
        fails="factors",
        says=r"weights, 2 and 3, .* Linear layer 1 of 2 has the factor nan; expected 2\.",
    ),
    Wrong(
        name="mean of the rows",
        answer=measuring(lambda layer, came, out: (out.norm(dim=1) / came.norm(dim=1)).mean()),
        fails="factors",
    ),
    Wrong(
        name="root mean squares",
        answer=measuring(
            lambda layer, came, out: out.square().mean().sqrt() / came.square().mean().sqrt()
        ),
        fails="factors",
    ),
    Wrong(
        name="squares",
        answer=measuring(lambda layer, came, out: (out.norm() / came.norm()) ** 2),
        fails="factors",
    ),
    Wrong(
        name="length of the weights",
        answer=measuring(lambda layer, came, out: layer.weight.norm()),
        fails="factors",
    ),
    Wrong(
        name="without the bias",
        answer=measuring(lambda layer, came, out: (out - layer.bias).norm() / came.norm()),
        fails="factors",
    ),
    Wrong(
        name="upside down",
        answer=measuring(lambda layer, came, out: came.norm() / out.norm()),
        fails="factors",
    ),
    Wrong(name="centres the rows", answer=centred_first, fails="factors"),
    Wrong(
        name="freezes the model",
        answer=frozen,
        fails="changes",
        says=r"On two weights, 2 and 3, with a ReLU between, gains changed model\.",
    ),
    Wrong(name="leaves the model in evaluation mode", answer=evaluates, fails="changes"),
    Wrong(name="scales the rows in place", answer=scaled_first),
    Wrong(
        name="a ReLU behind all but the last",
        answer=a_relu_behind_all_but_the_last,
        fails="factors",
        says=r"On two Linear layers in a row, then a ReLU, Linear layer 1 of 2 has the factor 3; "
        r"expected 5\.",
    ),
    Wrong(name="in steps of two", answer=in_steps_of_two, fails="factors"),
    Wrong(
        name="leaves a hook",
        answer=leaves_a_hook,
        fails="changes",
        says=r"with a ReLU between, gains left a hook on the model\.",
    ),
    Wrong(
        name="leaves gradients",
        answer=leaves_gradients,
        fails="changes",
        says=r"with a ReLU between, gains left gradients in the model's \.grad\.",
    ),
    Wrong(name="prints that it passed", answer=says_so, fails="factors"),
)
