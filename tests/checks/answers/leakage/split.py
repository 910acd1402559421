"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import DBSCAN
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, train_test_split
from sklearn.neighbors import radius_neighbors_graph

from tests.checks.answers.kit import Function, Wrong


def by_family(x, families, seed, share=0.3):
    split = GroupShuffleSplit(1, test_size=share, random_state=seed)
    return next(split.split(x, groups=families))


def by_components(x, distance, seed):
    return by_family(x, connected_components(radius_neighbors_graph(x, distance))[1], seed)


def by_clusters(x, distance, seed):
    return by_family(x, DBSCAN(eps=distance, min_samples=1).fit_predict(x), seed)


def by_hand(x, distance, seed):
    close = np.linalg.norm(x[:, None] - x[None], axis=2) < distance
    family = np.full(len(x), -1)
    for start in range(len(x)):
        if family[start] < 0:
            reached = np.zeros(len(x), bool)
            reached[start] = True
            while (grown := close[reached].any(axis=0)).sum() > reached.sum():
                reached = grown
            family[reached] = start
    order = np.random.default_rng(seed).permutation(np.unique(family))
    val = np.isin(family, order[: round(0.3 * len(order))])
    return np.flatnonzero(~val).tolist(), np.flatnonzero(val).tolist()


RIGHT: dict[str, Function] = {
    "connected components": by_components,
    "clusters": by_clusters,
    "by hand": by_hand,
}


def by_row(x, distance, seed):
    return train_test_split(np.arange(len(x)), test_size=0.3, random_state=seed)


def exact_copies_only(x, distance, seed):
    return by_family(x, np.unique(x, axis=0, return_inverse=True)[1].ravel(), seed)


def rounded(x, distance, seed):
    cells = np.floor(x / distance)
    return by_family(x, np.unique(cells, axis=0, return_inverse=True)[1].ravel(), seed)


def first_neighbour(x, distance, seed):
    close = np.linalg.norm(x[:, None] - x[None], axis=2) < distance
    return by_family(x, close.argmax(axis=1), seed)  # the first row that is close: no chains


def root_forgotten(x, distance, seed):
    close = ((x[:, None] - x[None]) ** 2).sum(axis=2) < distance
    return by_family(x, connected_components(close)[1], seed)


def copies_dropped(x, distance, seed):
    families = connected_components(radius_neighbors_graph(x, distance))[1]
    kept = np.unique(families, return_index=True)[1]
    train, val = train_test_split(kept, test_size=0.3, random_state=seed)
    return train, val


def close_ones_dropped_from_training(x, distance, seed):
    train, val = by_row(x, distance, seed)
    gaps = np.linalg.norm(x[train][:, None] - x[val][None], axis=2).min(axis=1)
    return train[gaps >= distance], val


def all_for_training(x, distance, seed):
    return np.arange(len(x)), np.array([], dtype=int)


def half_and_half(x, distance, seed):
    families = connected_components(radius_neighbors_graph(x, distance))[1]
    return by_family(x, families, seed, share=0.5)


def one_family(x, distance, seed):
    families = connected_components(radius_neighbors_graph(x, distance))[1]
    picked = np.random.default_rng(seed).choice(families)
    return np.flatnonzero(families != picked), np.flatnonzero(families == picked)


def always_the_same(x, distance, seed):
    return by_components(x, distance, 0)


def a_fold(x, distance, seed):
    families = connected_components(radius_neighbors_graph(x, distance))[1]
    return next(GroupKFold(4).split(x, groups=families))


def in_place(x, distance, seed):
    x /= distance
    return by_components(x, 1.0, seed)


WRONG = (
    Wrong(
        name="by row",
        answer=by_row,
        fails="apart",
        says=r"On a table with exact copies, a validation row is 0 away .* at least 0\.01\.",
    ),
    Wrong(name="exact copies only", answer=exact_copies_only, fails="apart"),
    Wrong(name="rounded", answer=rounded, fails="apart"),
    Wrong(
        name="no chains",
        answer=first_neighbour,
        fails="apart",
        says=r"On a table of chains, a validation row is 0\.8 away .* at least 1\.",
    ),
    Wrong(
        name="the root forgotten",
        answer=root_forgotten,
        fails="apart",
        says=r"On a table of long chains, a validation row is 1\.8 away .* at least 2\.",
    ),
    Wrong(
        name="copies dropped",
        answer=copies_dropped,
        says=r"120 row numbers came back, 120 of them different; expected each of the 360 rows",
    ),
    Wrong(name="close ones dropped", answer=close_ones_dropped_from_training, fails="rows"),
    Wrong(name="all for training", answer=all_for_training),
    Wrong(
        name="half and half",
        answer=half_and_half,
        fails="share",
        says=r"validation gets 0\.50 of the rows; expected between 0\.2 and 0\.4\.",
    ),
    Wrong(name="one family", answer=one_family, fails="share"),
    Wrong(
        name="one split for all seeds",
        answer=always_the_same,
        fails="seed",
        says=r"On a table with exact copies, two seeds give the same validation rows\.",
    ),
    Wrong(name="a fold", answer=a_fold, fails="seed"),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"On a table with exact copies, split changed x in place\.",
    ),
)
