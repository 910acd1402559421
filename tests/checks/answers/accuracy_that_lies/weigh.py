"""Task 1."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight

from tests.checks.answers.kit import Function, Wrong


def in_a_loop(y, classes):
    weights = []
    present = len(set(y.tolist()))
    for number in range(classes):
        count = sum(label == number for label in y)
        weights.append(len(y) / (present * count) if count else 0.0)
    return weights


def with_torch(y, classes):
    counts = torch.bincount(torch.tensor(y), minlength=classes).float()
    weights = torch.where(counts > 0, 1 / counts, torch.ones(classes))
    return weights / weights[torch.tensor(y)].mean()


def balanced(y, classes):
    present = np.unique(y)
    weights = np.ones(classes)
    weights[present] = compute_class_weight("balanced", classes=present, y=y)
    return weights


RIGHT: dict[str, Function] = {
    "in a loop": in_a_loop,
    "with torch": with_torch,
    "balanced": balanced,
}


def counts_of(y, classes):
    return np.bincount(y, minlength=classes).clip(min=1)


def all_ones(y, classes):
    return np.ones(classes)


def inverse_counts(y, classes):
    return 1 / counts_of(y, classes)


def most_over_count(y, classes):
    return counts_of(y, classes).max() / counts_of(y, classes)


def the_lesson_s(y, classes):
    return [1.0] + (classes - 1) * [100.0]


def all_classes_count(y, classes):
    return len(y) / (classes * counts_of(y, classes))


def mean_over_classes(y, classes):
    weights = inverse_counts(y, classes)
    return weights / weights.mean()


def sum_to_one(y, classes):
    weights = inverse_counts(y, classes)
    return weights / weights.sum()


def shares(y, classes):
    return counts_of(y, classes) / len(y)


def softened(y, classes):
    weights = inverse_counts(y, classes) ** 0.5
    return weights / weights[y].mean()


def one_minus_share(y, classes):
    weights = 1 - shares(y, classes)
    return weights / weights[y].mean()


def by_rank(y, classes):
    weights = np.sort(inverse_counts(y, classes))
    return weights / weights[y].mean()


def in_place(y, classes):
    y.sort()
    return in_a_loop(y, classes)


WRONG = (
    Wrong(
        name="all ones",
        answer=all_ones,
        fails="alike",
        says=r"On one six in a hundred, all rows of class 0 together weigh 970, those of class 1 "
        r"10; expected the same\.",
    ),
    Wrong(
        name="inverse counts",
        answer=inverse_counts,
        fails="mean",
        says=r"On one six in a hundred, the mean weight of a row is 0\.002; expected 1\.",
    ),
    Wrong(name="most frequent over count", answer=most_over_count, fails="mean"),
    Wrong(name="the lesson's", answer=the_lesson_s),
    Wrong(
        name="divided by classes without rows",
        answer=all_classes_count,
        fails="mean",
        says=r"On labels without classes 1 and 3, the mean weight of a row is 0\.5; expected 1\.",
    ),
    Wrong(name="mean over classes", answer=mean_over_classes, fails="mean"),
    Wrong(name="sum to one", answer=sum_to_one, fails="mean"),
    Wrong(name="shares", answer=shares),
    Wrong(name="softened", answer=softened, fails="alike"),
    Wrong(name="one minus the share", answer=one_minus_share, fails="alike"),
    Wrong(name="by rank", answer=by_rank, fails="alike"),
    Wrong(
        name="in place",
        answer=in_place,
        fails="labels",
        says=r"On one six in a hundred, weigh changed y\.",
    ),
)
