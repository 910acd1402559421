"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from tests.checks.answers.kit import Function, Wrong


def agreement(x, y, neighbours):
    gaps = np.linalg.norm(x[:, None] - x[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    nearest = gaps.argsort(axis=1)[:, :neighbours]
    return (y[nearest] == y[:, None]).mean(axis=1)


def by_neighbours(x, y, k):
    return agreement(x, y, 10).argsort(kind="stable")[:k]


def by_cross_validation(x, y, k):
    model = KNeighborsClassifier(10, weights="distance")
    probability = cross_val_predict(model, x, y, method="predict_proba")
    return probability[np.arange(len(y)), y].argsort()[:k].tolist()


def losses(x, y, steps):
    torch.manual_seed(0)
    rows, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    model = nn.Sequential(nn.Linear(x.shape[1], 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(rows), labels).backward()
        optimizer.step()
    with torch.no_grad():
        return nn.functional.cross_entropy(model(rows), labels, reduction="none")


def as_a_set(x, y, k):
    return set(by_neighbours(x, y, k).tolist())


def as_a_set_of_numpys(x, y, k):
    return frozenset(by_neighbours(x, y, k))


def by_early_stopping(x, y, k):
    return losses(x, y, steps=30).argsort(descending=True)[:k]


RIGHT: dict[str, Function] = {
    "neighbours": by_neighbours,
    "cross-validation": by_cross_validation,
    "the loss, stopped early": by_early_stopping,
    "a set": as_a_set,
    "a set of NumPy's numbers": as_a_set_of_numpys,
}


def repeated(x, y, k):
    best = by_neighbours(x, y, k)[: k // 2]
    return np.concatenate([best, best])


def one_row(x, y, k):
    return np.full(k, by_neighbours(x, y, k)[0])


def at_random(x, y, k):
    return np.random.default_rng(0).choice(len(y), k, replace=False)


def the_first(x, y, k):
    return np.arange(k)


def the_surest(x, y, k):
    return agreement(x, y, 10).argsort(kind="stable")[-k:]


def far_from_all(x, y, k):
    gaps = np.linalg.norm(x[:, None] - x[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    return gaps.min(axis=1).argsort()[-k:]


def judged_by_itself(x, y, k):
    model = KNeighborsClassifier(1).fit(x, y)
    return model.predict_proba(x)[np.arange(len(y)), y].argsort(kind="stable")[:k]


def mends_labels(x, y, k):
    found = by_neighbours(x, y, k)
    y[found] = (y[found] + 1) % 10
    return found


def sorts_rows(x, y, k):
    found = by_neighbours(x, y, k)
    x.sort(axis=0)
    return found


def says_so(x, y, k):
    print("The optional task passed.")
    return np.zeros(k, dtype=int)


WRONG = (
    Wrong(
        name="each row twice",
        answer=repeated,
        fails="rows",
        says=r"wrong labels anywhere, 15 different rows came; expected 30\.",
    ),
    Wrong(name="one row", answer=one_row, fails="rows"),
    Wrong(
        name="at random",
        answer=at_random,
        fails="found",
        says=r"\d+% of the rows that you named have a wrong label; expected at least 70%\.",
    ),
    Wrong(name="the first rows", answer=the_first, fails="found"),
    Wrong(name="the surest", answer=the_surest, fails="found"),
    Wrong(name="far from all others", answer=far_from_all, fails="found"),
    Wrong(name="judged by itself", answer=judged_by_itself, fails="found"),
    Wrong(
        name="mends the labels",
        answer=mends_labels,
        fails="changes",
        says=r"wrong labels anywhere, doubtful changed y\.",
    ),
    Wrong(name="sorts the rows", answer=sorts_rows, fails="changes"),
    Wrong(name="prints that it passed", answer=says_so),
)
