"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import copy

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

from tests.checks.answers.kit import Function, Wrong


def _train(model, optimizer, loss_fn, x, y):
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()


def with_clones(model, optimizer, loss_fn, x, y):
    before = [weight.detach().clone() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    pairs = zip(model.parameters(), before, strict=True)
    return [((new.detach() - old).norm() / old.norm()).item() for new, old in pairs]


def with_a_copied_model(model, optimizer, loss_fn, x, y):
    old = copy.deepcopy(model)
    model.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    ratios = []
    for before, after in zip(old.parameters(), model.parameters(), strict=True):
        ratios.append(torch.linalg.norm(after - before) / torch.linalg.norm(before))
    return ratios


def with_numpy(model, optimizer, loss_fn, x, y):
    old = [weight.detach().numpy().copy() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    new = [weight.detach().numpy() for weight in model.parameters()]
    lengths = [np.sqrt(((a - b) ** 2).sum()) for a, b in zip(new, old, strict=True)]
    return np.array(lengths) / [np.sqrt((b**2).sum()) for b in old]


def with_a_state_dict(model, optimizer, loss_fn, x, y):
    old = {name: value.clone() for name, value in model.state_dict().items()}
    _train(model, optimizer, loss_fn, x, y)
    new = model.state_dict()
    return torch.tensor([(new[name] - old[name]).norm() / old[name].norm() for name in old])


RIGHT: dict[str, Function] = {
    "clones": with_clones,
    "a copied model": with_a_copied_model,
    "numpy": with_numpy,
    "a state_dict": with_a_state_dict,
}


def from_the_gradient(model, optimizer, loss_fn, x, y):
    lr = optimizer.param_groups[0]["lr"]
    sizes = [weight.detach().norm() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    weights = zip(model.parameters(), sizes, strict=True)
    return [(lr * weight.grad.norm() / size).item() for weight, size in weights]


def of_the_whole_model(model, optimizer, loss_fn, x, y):
    before = parameters_to_vector(model.parameters()).detach().clone()
    old = [weight.detach().clone() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    pairs = zip(model.parameters(), old, strict=True)
    return [((new - kept).norm() / before.norm()).item() for new, kept in pairs]


def adds_to_the_old_gradient(model, optimizer, loss_fn, x, y):
    before = [weight.detach().clone() for weight in model.parameters()]
    loss_fn(model(x), y).backward()
    optimizer.step()
    pairs = zip(model.parameters(), before, strict=True)
    return [((new.detach() - old).norm() / old.norm()).item() for new, old in pairs]


def on_a_copy(model, optimizer, loss_fn, x, y):
    model, optimizer = copy.deepcopy((model, optimizer))
    return with_clones(model, optimizer, loss_fn, x, y)


def two_steps(model, optimizer, loss_fn, x, y):
    ratios = with_clones(model, optimizer, loss_fn, x, y)
    optimizer.step()
    return ratios


def mends_the_data(model, optimizer, loss_fn, x, y):
    ratios = with_clones(model, optimizer, loss_fn, x, y)
    x /= 10  # the next step will be shorter
    return ratios


def without_a_copy(model, optimizer, loss_fn, x, y):
    before = [weight.detach() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    pairs = zip(model.parameters(), before, strict=True)
    return [((new.detach() - old).norm() / old.norm()).item() for new, old in pairs]


def over_the_new_weights(model, optimizer, loss_fn, x, y):
    before = [weight.detach().clone() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    pairs = zip(model.parameters(), before, strict=True)
    return [((new.detach() - old).norm() / new.detach().norm()).item() for new, old in pairs]


def of_the_lengths(model, optimizer, loss_fn, x, y):
    before = [weight.detach().norm() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    pairs = zip(model.parameters(), before, strict=True)
    return [(abs(new.detach().norm() - old) / old).item() for new, old in pairs]


def entry_by_entry(model, optimizer, loss_fn, x, y):
    before = [weight.detach().clone() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    pairs = zip(model.parameters(), before, strict=True)
    return [((new.detach() - old) / old).abs().mean().item() for new, old in pairs]


def squared(model, optimizer, loss_fn, x, y):
    return [ratio**2 for ratio in with_clones(model, optimizer, loss_fn, x, y)]


def gradient_over_weights(model, optimizer, loss_fn, x, y):
    sizes = [weight.detach().norm() for weight in model.parameters()]
    _train(model, optimizer, loss_fn, x, y)
    weights = zip(model.parameters(), sizes, strict=True)
    return [(weight.grad.norm() / size).item() for weight, size in weights]


def backwards(model, optimizer, loss_fn, x, y):
    return with_clones(model, optimizer, loss_fn, x, y)[::-1]


WRONG = (
    Wrong(
        name="lr times the gradient",
        answer=from_the_gradient,
        fails="length",
        says=r"\(3, 4\) and Adam, step_ratio gave 0\.8944; expected 0\.1414\.",
    ),
    Wrong(
        name="over the size of all weights",
        answer=of_the_whole_model,
        fails="tensors",
        says=r"the wine network, step_ratio gave 0\.0\d+ for tensor \d; expected 0\.\d+\.",
    ),
    Wrong(name="last tensor first", answer=backwards, fails="tensors"),
    Wrong(
        name="adds to the old gradient",
        answer=adds_to_the_old_gradient,
        fails="stale",
        says=r"left from an earlier batch, step_ratio gave \d\.\d+; expected 0\.8944\.",
    ),
    Wrong(
        name="on a copy",
        answer=on_a_copy,
        fails="step",
        says=r"the model does not stand where one step of training puts it\.",
    ),
    Wrong(name="two steps", answer=two_steps, fails="step"),
    Wrong(
        name="scales the data",
        answer=mends_the_data,
        fails="data",
        says=r"SGD, step_ratio changed x in place\.",
    ),
    Wrong(
        name="keeps the tensors, not their values",
        answer=without_a_copy,
        says=r"and SGD, step_ratio gave 0; expected 0\.8944\.",
    ),
    Wrong(name="over the new weights", answer=over_the_new_weights),
    Wrong(name="difference of the lengths", answer=of_the_lengths),
    Wrong(name="entry by entry", answer=entry_by_entry),
    Wrong(name="squared", answer=squared),
    Wrong(name="gradient over weights", answer=gradient_over_weights),
)
