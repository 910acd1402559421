"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import MinMaxScaler, StandardScaler, minmax_scale

from tests.checks.answers.kit import Function, Wrong

_TABLE = load_breast_cancer().data  # (569, 30)


def with_sklearn(x, rows):
    return StandardScaler().fit(x[rows]).transform(x)


def with_numpy(x, rows):
    mean, deviation = np.mean(x[rows], 0), np.std(x[rows], 0)
    return (x - mean) / deviation


def with_n_minus_one(x, rows):
    kept = x[rows]
    return (x - kept.mean(axis=0, keepdims=True)) / kept.std(axis=0, ddof=1, keepdims=True)


def with_torch(x, rows):
    x = torch.tensor(x, dtype=torch.float32)
    return (x - x[rows].mean(dim=0)) / x[rows].std(dim=0)


def with_a_loop(x, rows):
    columns = []
    for column in x.T:
        center = sum(column[rows]) / len(rows)
        variance = sum((column[rows] - center) ** 2) / len(rows)
        columns.append((column - center) / variance**0.5)
    return np.column_stack(columns).tolist()


RIGHT: dict[str, Function] = {
    "scikit-learn": with_sklearn,
    "numpy": with_numpy,
    "numpy, n - 1": with_n_minus_one,
    "torch": with_torch,
    "a loop": with_a_loop,
}


def all_rows(x, rows):
    return StandardScaler().fit_transform(x)


def divided_only(x, rows):
    return x / x[rows].std(axis=0)


def centred_only(x, rows):
    return x - x[rows].mean(axis=0)


def refitted(x, rows):
    others = np.setdiff1d(np.arange(len(x)), rows)
    scaled = np.empty_like(x)
    for part in (rows, others):
        scaled[part] = StandardScaler().fit_transform(x[part])
    return scaled


def in_place(x, rows):
    mean, deviation = x[rows].mean(axis=0), x[rows].std(axis=0)
    x -= mean
    x /= deviation
    return x


def min_max(x, rows):
    return MinMaxScaler().fit(x[rows]).transform(x)


def one_deviation_for_all(x, rows):
    return (x - x[rows].mean(axis=0)) / x[rows].std()


def each_row(x, rows):
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def clipped(x, rows):
    return np.clip(with_numpy(x, rows), -3, 3)


def hard_coded(x, rows):
    table = _TABLE if x.shape[1] == _TABLE.shape[1] else x
    return (x - table.mean(axis=0)) / table.std(axis=0)


def squashed(x, rows):
    return minmax_scale(x) * 2 - 1


def says_so(x, rows):
    print("Task 1 passed. 43 columns of breast cancer and wine: mean 0, standard deviation 1.")
    return x.copy()


WRONG = (
    Wrong(
        name="divided, not centred",
        answer=divided_only,
        fails="mean",
        says=r"column 9 \(mean fractal dimension\) of the training rows has mean 9\.\d; expected 0",
    ),
    Wrong(
        name="centred, not divided",
        answer=centred_only,
        fails="deviation",
        says=r"23 \(worst area\) of the training rows has standard deviation \d00; expected 1",
    ),
    Wrong(
        name="held-out rows scaled by their own numbers",
        answer=refitted,
        fails="alike",
        says=r"a held-out row is 5\.\d standard deviations away from where the shift",
    ),
    Wrong(name="outliers cut off", answer=clipped),
    Wrong(
        name="edited in place",
        answer=in_place,
        fails="untouched",
        says=r"On breast cancer, prepare changed x in place\.",
    ),
    Wrong(name="fitted on all rows", answer=all_rows),
    Wrong(name="range 0 to 1", answer=min_max),
    Wrong(name="range -1 to 1 of all rows", answer=squashed),
    Wrong(
        name="one deviation for the whole table", answer=one_deviation_for_all, fails="deviation"
    ),
    Wrong(name="each row by itself", answer=each_row),
    Wrong(name="hard-coded numbers", answer=hard_coded),
    Wrong(name="prints that it passed", answer=says_so),
)
