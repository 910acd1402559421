"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.preprocessing import StandardScaler

from tests.checks.answers.kit import Function, Wrong


def with_select_k_best(x, y, rows, k):
    return SelectKBest(k=k).fit(x[rows], y[rows]).get_support(indices=True)


def with_f_sorted(x, y, rows, k):
    f, _ = f_classif(x[rows], y[rows])
    return torch.tensor(f).topk(k).indices


def with_means_by_hand(x, y, rows, k):
    x, y = x[rows], y[rows]
    means = np.stack([x[y == label].mean(axis=0) for label in np.unique(y)])
    within = sum(x[y == label].var(axis=0) for label in np.unique(y))
    return list(np.argsort(means.var(axis=0) / within)[::-1][:k])


def with_trees(x, y, rows, k):
    trees = ExtraTreesClassifier(200, random_state=0).fit(x[rows], y[rows])
    return trees.feature_importances_.argsort()[-k:]


RIGHT: dict[str, Function] = {
    "SelectKBest": with_select_k_best,
    "F, sorted": with_f_sorted,
    "means by hand": with_means_by_hand,
    "trees": with_trees,
}


def by_all_rows(x, y, rows, k):
    return SelectKBest(k=k).fit(x, y).get_support(indices=True)


def by_the_other_rows(x, y, rows, k):
    others = np.setdiff1d(np.arange(len(y)), rows)
    return with_select_k_best(x, y, others, k)


def first_rows(x, y, rows, k):
    return with_select_k_best(x, y, np.arange(len(rows)), k)


def variance_over_all_first(x, y, rows, k):
    wide = np.sort(x.var(axis=0).argsort()[-x.shape[1] // 2 :])
    wide = np.union1d(wide, np.argsort(f_classif(x[rows], y[rows])[0])[-3:])
    f, _ = f_classif(x[rows][:, wide], y[rows])
    return wide[f.argsort()[-k:]]


def widest(x, y, rows, k):
    return x[rows].std(axis=0).argsort()[-k:]


def rising_only(x, y, rows, k):
    slopes = [np.corrcoef(column, y[rows])[0, 1] for column in x[rows].T]
    return np.argsort(slopes)[-k:]


def by_class_number(x, y, rows, k):
    slopes = np.corrcoef(x[rows].T, y[rows])[-1, :-1]
    return np.argsort(np.abs(slopes))[-k:]


def by_two_classes(x, y, rows, k):
    two = rows[y[rows] < 2]
    return with_select_k_best(x, y, two, k)


def by_the_first_class(x, y, rows, k):
    return with_select_k_best(x, y == 0, rows, k)


def with_a_little_chance(x, y, rows, k):
    noise = np.random.default_rng().normal(size=x.shape[1])
    return (f_classif(x[rows], y[rows])[0] + noise).argsort()[-k:]


def worst(x, y, rows, k):
    return f_classif(x[rows], y[rows])[0].argsort()[:k]


def first_columns(x, y, rows, k):
    return range(k)


def the_best_k_times(x, y, rows, k):
    return [with_f_sorted(x, y, rows, k)[0]] * k


def plain_ones_and_padding(x, y, rows, k):
    f, _ = f_classif(x[rows], y[rows])
    plain = list(np.flatnonzero(f > 40))[:k]
    return plain + [f.argmax()] * (k - len(plain))


def counted_from_one(x, y, rows, k):
    return with_select_k_best(x, y, rows, k) + x.shape[1]


def scaled_in_place(x, y, rows, k):
    x -= x[rows].mean(axis=0)
    return with_select_k_best(x, y, rows, k)


def scaled_outside(x, y, rows, k):
    x = StandardScaler().fit(x).transform(x)
    return by_all_rows(x, y, rows, k)


def says_so(x, y, rows, k):
    print("Task 1 passed.")
    return np.arange(k)


WRONG = (
    Wrong(
        name="by all rows",
        answer=by_all_rows,
        says=r"with other \w+ in the rows that are not for training, \d+ of \d+ chosen columns are",
        fails="others",
    ),
    Wrong(name="by the rows that are not for training", answer=by_the_other_rows, fails="others"),
    Wrong(name="by the first rows", answer=first_rows, fails="others"),
    Wrong(name="a spread over all rows first", answer=variance_over_all_first, fails="others"),
    Wrong(name="scaled, then by all rows", answer=scaled_outside, fails="others"),
    Wrong(
        name="the widest",
        answer=widest,
        fails="best",
        says=r"On a table of two classes, columns .* came back; the ones .* are 5, 17, 30\.",
    ),
    Wrong(name="rising columns only", answer=rising_only, fails="best"),
    Wrong(
        name="by the number of the class",
        answer=by_class_number,
        fails="best",
        says=r"of which others stand apart in each column, columns .* came back; .* are 8, 23, 31",
    ),
    Wrong(name="the first two classes alone", answer=by_two_classes, fails="best"),
    Wrong(name="the first class against the rest", answer=by_the_first_class, fails="best"),
    Wrong(
        name="chance without a seed",
        answer=with_a_little_chance,
        fails="again",
        says=r"On a table of chance, a second call with the same table gave other columns\.",
    ),
    Wrong(name="the worst", answer=worst, fails="best"),
    Wrong(name="the first columns", answer=first_columns, fails="best"),
    Wrong(
        name="the best one k times",
        answer=the_best_k_times,
        says=r"On a table of two classes, a column comes back twice; expected 3 others\.",
    ),
    Wrong(name="padded with the best", answer=plain_ones_and_padding, fails="columns"),
    Wrong(name="numbers of no columns", answer=counted_from_one),
    Wrong(
        name="in place",
        answer=scaled_in_place,
        fails="changes",
        says=r"On a table of two classes, choose changed x in place\.",
    ),
    Wrong(name="prints that it passed", answer=says_so, fails="best"),
)
