"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def group_by_group(x, groups):
    size = x.shape[1] // groups
    parts = []
    for start in range(0, x.shape[1], size):
        part = x[:, start : start + size]
        centred = part - part.mean(dim=1, keepdim=True)
        parts.append(centred / (centred.pow(2).mean(dim=1, keepdim=True) + 1e-5).sqrt())
    return torch.cat(parts, dim=1)


def of_torch(x, groups):
    return nn.functional.group_norm(x, groups)


def a_layer(x, groups):
    return nn.GroupNorm(groups, x.shape[1])(x)


def row_by_row_in_numpy(x, groups):
    rows = []
    for row in x.numpy().astype(float):
        cut = np.split(row, groups)
        rows.append(np.concatenate([(p - p.mean()) / np.sqrt(p.var() + 1e-5) for p in cut]))
    return np.array(rows)


RIGHT: dict[str, Function] = {
    "group by group": group_by_group,
    "functional": of_torch,
    "the layer, which holds a gradient": a_layer,
    "numpy, row by row": row_by_row_in_numpy,
}


def over(parts_of, dims, *, unbiased=False, eps=1e-5, outside=False):
    """An answer that takes mean and variance over other axes, or in another way."""

    def group_norm(x, groups):
        parts = parts_of(x, groups)
        mean = parts.mean(dim=dims, keepdim=True)
        variance = parts.var(dim=dims, keepdim=True, unbiased=unbiased)
        below = variance.sqrt() + eps if outside else (variance + eps).sqrt()
        return ((parts - mean) / below).reshape(x.shape)

    return group_norm


def neighbours(x, groups):
    return x.reshape(len(x), groups, -1)


def whole(x, groups):
    return x


def every_second(x, groups):
    parts = x.reshape(len(x), -1, groups).transpose(1, 2)
    centred = parts - parts.mean(dim=2, keepdim=True)
    scaled = centred / (parts.var(dim=2, keepdim=True, unbiased=False) + 1e-5).sqrt()
    return scaled.transpose(1, 2).reshape(x.shape)


def mean_of_the_row(x, groups):
    parts = neighbours(x, groups) - x.mean(dim=1)[:, None, None]
    return (parts / (parts.var(dim=2, keepdim=True, unbiased=False) + 1e-5).sqrt()).reshape(x.shape)


def centred_only(x, groups):
    parts = neighbours(x, groups)
    return (parts - parts.mean(dim=2, keepdim=True)).reshape(x.shape)


def by_the_variance(x, groups):
    parts = neighbours(x, groups)
    variance = parts.var(dim=2, keepdim=True, unbiased=False)
    return ((parts - parts.mean(dim=2, keepdim=True)) / (variance + 1e-5)).reshape(x.shape)


def in_place(x, groups):
    parts = x.view(len(x), groups, -1)
    parts -= parts.mean(dim=2, keepdim=True)
    parts /= (parts.pow(2).mean(dim=2, keepdim=True) + 1e-5).sqrt()
    return x


def says_so(x, groups):
    print("Task 1 passed.")
    return x


WRONG = (
    Wrong(
        name="over the rows, as BatchNorm",
        answer=over(whole, (0,)),
        says=r"The row \[0, 2, 10, 30\] in two groups becomes \[.*\] beside one row and \[.*\] "
        r"beside another\. Hint: Over which axis",
    ),
    Wrong(name="over rows and group", answer=over(neighbours, (0, 2))),
    Wrong(name="over everything", answer=over(whole, (0, 1))),
    Wrong(
        name="the whole row, whatever groups says",
        answer=over(whole, (1,)),
        fails="values",
        says=r"On two rows in two groups \(groups=2\), row 0 becomes -0\.89 at unit 0; expected -1",
    ),
    Wrong(name="every second unit", answer=every_second, fails="values"),
    Wrong(
        name="n − 1",
        answer=over(neighbours, (2,), unbiased=True),
        fails="values",
        says=r"The variance is the mean of the squared deviations",
    ),
    Wrong(name="no constant", answer=over(neighbours, (2,), eps=0.0), fails="values"),
    Wrong(
        name="the constant outside the root",
        answer=over(neighbours, (2,), outside=True),
        fails="values",
        says=r"On numbers that lie close together .* expected -0\.3",
    ),
    Wrong(name="the row's mean", answer=mean_of_the_row, fails="values"),
    Wrong(name="the mean alone", answer=centred_only, fails="values"),
    Wrong(name="divides by the variance", answer=by_the_variance, fails="values"),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"On two rows in two groups, group_norm changed x itself\.",
    ),
    Wrong(name="prints that it passed", answer=says_so, fails="values"),
)
