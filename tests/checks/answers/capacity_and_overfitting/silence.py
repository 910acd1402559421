"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def by_product(h, p, training):
    if not training:
        return h
    return h * (torch.rand_like(h) >= p) / (1 - p)


def by_torch(h, p, training):
    return nn.functional.dropout(h, p, training)


def by_where(h, p, training):
    if training and p > 0:
        heard = torch.bernoulli(torch.full(h.shape, 1 - p)).bool()
        return torch.where(heard, h / (1 - p), torch.zeros(()))
    return h.clone()


def by_numpy(h, p, training):
    heard = torch.from_numpy((np.random.rand(*h.shape) >= p) / (1 - p))
    return h * heard if training else h


def in_double(h, p, training):
    return by_product(h.double(), p, training)


RIGHT: dict[str, Function] = {
    "chance by numpy": by_numpy,
    "in float64": in_double,
    "a product": by_product,
    "torch's own": by_torch,
    "where": by_where,
}


def silencing(mask, grow=lambda p: 1 / (1 - p), use=lambda h, p: h, passes=lambda h: h):
    """Dropout with another mask, factor, or way in use."""

    def silence(h, p, training):
        return passes(h) * mask(h, p) * grow(p) if training else use(h, p)

    return silence


def each(h, p):
    return (torch.rand_like(h) >= p).float()


def the_others(h, p):
    return (torch.rand_like(h) < p).float()


def columns(h, p):
    return (torch.rand(h.shape[1]) >= p).float()


def rows_by_turns(h, p):
    return (torch.randperm(len(h))[:, None] >= p * len(h)).float()


def seeded(h, p):
    return (torch.rand(h.shape, generator=torch.Generator().manual_seed(0)) >= p).float()


def in_place(h, p, training):
    if training:
        h *= (torch.rand_like(h) >= p) / (1 - p)
    return h


def to_the_mean(h, p, training):
    if not training:
        return h
    kept = h * (torch.rand_like(h) >= p)
    return kept * (h.sum() / kept.sum())


def by_what_is_left(h, p, training):
    if not training:
        return h
    heard = (torch.rand_like(h) >= p).float()
    return h * heard / heard.mean() if p else h


def so_many(h, p):
    """Exactly int(p n) of all n numbers."""
    heard = torch.ones(h.numel())
    heard[torch.randperm(h.numel())[: int(p * h.numel())]] = 0
    return heard.reshape(h.shape)


def so_many_in_each_row(h, p):
    places = torch.rand_like(h).argsort(dim=1).argsort(dim=1)
    return (places >= int(p * h.shape[1])).float()


def so_many_in_each_column(h, p):
    return so_many_in_each_row(h.T, p).T


def says_so(h, p, training):
    print("The optional task passed.")
    return h


WRONG = (
    Wrong(
        name="the others are silenced",
        answer=silencing(the_others, grow=lambda p: 1 / max(p, 0.01)),
        says=r"With p=0\.2 in training, 0\.[78]\d* of the numbers are 0; expected 0\.2\.",
    ),
    Wrong(
        name="columns",
        answer=silencing(columns),
        says=r"With p=0\.2 in training, whole rows or columns are silenced together\.",
    ),
    Wrong(
        name="rows",
        answer=silencing(rows_by_turns),
        fails="alone",
        says=r"With p=0\.2 in training, whole rows or columns are silenced together\.",
    ),
    Wrong(
        name="so many in all",
        answer=silencing(so_many),
        fails="alone",
        says=r"With p=0\.2 in training, the number of zeros is dealt out: so many in all",
    ),
    Wrong(name="so many in each row", answer=silencing(so_many_in_each_row), fails="alone"),
    Wrong(name="so many in each column", answer=silencing(so_many_in_each_column), fails="alone"),
    Wrong(
        name="silenced twice",
        answer=silencing(lambda h, p: each(h, p) * each(h, p)),
        fails="share",
        says=r"With p=0\.2 in training, 0\.3[56] of the numbers are 0; expected 0\.2\.",
    ),
    Wrong(
        name="the same in each call",
        answer=silencing(seeded),
        fails="anew",
        says=r"With p=0\.2 in training, a second call silences the same numbers again\.",
    ),
    Wrong(
        name="nothing grows",
        answer=silencing(each, grow=lambda p: 1),
        fails="mean",
        says=r"were multiplied by 1 in the mean; expected 1\.25 for each\.",
    ),
    Wrong(
        name="grows by what is left",
        answer=by_what_is_left,
        fails="mean",
        says=r"multiplied by 1\.2\d+ in the mean; expected 1\.25 for each\. .* from p alone",
    ),
    Wrong(name="the sum stays", answer=to_the_mean),
    Wrong(
        name="grows by the share",
        answer=silencing(each, grow=lambda p: 1 + p),
        fails="mean",
        says=r"With p=0\.2 .* multiplied by 1\.2 in the mean; expected 1\.25 for each\.",
    ),
    Wrong(
        name="shrinks in use",
        answer=silencing(each, grow=lambda p: 1, use=lambda h, p: h * (1 - p)),
    ),
    Wrong(
        name="grows in use too",
        answer=silencing(each, use=lambda h, p: h / (1 - p)),
        fails="use",
        says=r"With p=0\.5 and training=False, the numbers are not what they were\.",
    ),
    Wrong(name="noise in use", answer=lambda h, p, training: by_product(h, p, True), fails="use"),
    Wrong(
        name="the gradient is cut",
        answer=silencing(each, passes=lambda h: h.detach()),
        fails="gradient",
        says=r"the gradient that comes back is not the factor where a number is left",
    ),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"silence changed h in place\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
