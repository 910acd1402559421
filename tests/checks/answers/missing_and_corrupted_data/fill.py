"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from sklearn.impute import SimpleImputer

from tests.checks.answers.kit import Function, Wrong


def by_imputer(x, rows):
    return SimpleImputer().fit(x[rows]).transform(x)


def by_column(x, rows):
    filled = x.copy()
    for column in range(x.shape[1]):
        known = [x[row, column] for row in rows if not np.isnan(x[row, column])]
        filled[np.isnan(x[:, column]), column] = sum(known) / len(known)
    return filled.tolist()


def by_torch(x, rows):
    table = torch.tensor(x)
    return torch.where(table.isnan(), table[torch.as_tensor(rows)].nanmean(dim=0), table)


RIGHT: dict[str, Function] = {
    "imputer": by_imputer,
    "column by column": by_column,
    "torch": by_torch,
}


def training_rows_alone(x, rows):
    filled = x.copy()
    filled[rows] = by_imputer(x, rows)[rows]
    return filled


def blank(x, rows):
    return x.copy()


def one_mean(x, rows):
    return np.where(np.isnan(x), np.nanmean(x[rows]), x)


def one_mean_of_all(x, rows):
    return np.where(np.isnan(x), np.nanmean(x), x)


def zeros(x, rows):
    return np.nan_to_num(x)


def medians(x, rows):
    return np.where(np.isnan(x), np.nanmedian(x[rows], axis=0), x)


def all_rows(x, rows):
    return SimpleImputer().fit_transform(x)


def by_row(x, rows):
    means = np.nanmean(x, axis=1, keepdims=True)
    return np.where(np.isnan(x), means, x)


def in_place(x, rows):
    x[:] = by_imputer(x, rows)
    return x


def everything_averaged(x, rows):
    """A whole column becomes its mean."""
    return np.broadcast_to(np.nanmean(x[rows], axis=0), x.shape)


def zero_is_empty(x, rows):
    x = np.where(x == 0, np.nan, x)
    return by_imputer(x, rows)


def plain_means(x, rows):
    return np.where(np.isnan(x), x[rows].mean(axis=0), x)


def zero_has_no_part(x, rows):
    known = np.where(x == 0, np.nan, x)
    return np.where(np.isnan(x), np.nanmean(known[rows], axis=0), x)


def rounded(x, rows):
    filled = by_imputer(x, rows)
    return np.where(np.isnan(x), filled, filled.round(0))


def says_so(x, rows):
    print("Task 1 passed.")
    return np.zeros_like(x)


WRONG = (
    Wrong(
        name="training rows alone",
        answer=training_rows_alone,
        fails="left",
        says=r"five rows, the first three for training, cells that are still NaN or infinite: 1\.",
    ),
    Wrong(
        name="means that are empty themselves",
        answer=plain_means,
        fails="left",
        says=r"five rows.*infinite: 3\. Hint: .*an empty cell is itself nan; np\.nanmean",
    ),
    Wrong(name="nothing is filled", answer=blank, fails="left"),
    Wrong(
        name="rounds what was measured",
        answer=rounded,
        fails="kept",
        says=r"had a value and have another: \d+; the first, in row \d+ and column \d+, was",
    ),
    Wrong(
        name="a zero is taken for empty",
        answer=zero_is_empty,
        says=r"first, in row 0 and column 0, was 0 and is 3\.",
    ),
    Wrong(name="a zero has no part in the mean", answer=zero_has_no_part, fails="column"),
    Wrong(name="a whole column becomes its mean", answer=everything_averaged, fails="kept"),
    Wrong(
        name="one mean for the table",
        answer=one_mean,
        fails="column",
        says=r"in row 0 and column 1 got 11; the mean of that column in the training rows is 20\.",
    ),
    Wrong(name="zeros", answer=zeros, fails="column"),
    Wrong(name="medians", answer=medians, fails="column"),
    Wrong(name="one mean of all rows", answer=one_mean_of_all),
    Wrong(name="the mean of the row", answer=by_row),
    Wrong(
        name="means of all rows",
        answer=all_rows,
        fails="training",
        says=r"in row 0 and column 1 got 40, and 94 once the rows that are not for training had "
        r"other values; the mean of that column in the training rows stays 20\.",
    ),
    Wrong(
        name="in place",
        answer=in_place,
        fails="input",
        says=r"the first three for training, fill changed x itself\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
