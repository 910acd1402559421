"""Task 2."""

# Written as a learner writes: without annotations.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch
from sklearn.utils import shuffle

from tests.checks.answers.kit import Function, Wrong


def with_a_generator(estimate, x, y, times):
    order = np.random.default_rng(1)
    return [estimate(x, order.permutation(y)) for _ in range(times)]


def with_torch(estimate, x, y, times):
    said = torch.empty(times)
    for turn in range(times):
        said[turn] = estimate(x, y[torch.randperm(len(y)).numpy()])
    return said


def rows_in_place_of_labels(estimate, x, y, times):
    return np.array([estimate(shuffle(x, random_state=turn), y) for turn in range(times)])


def a_seed_a_turn(estimate, x, y, times):
    said = []
    for turn in range(times):
        labels = y.copy()
        np.random.default_rng(turn).shuffle(labels)
        said.append(estimate(x, labels))
    return sorted(said)


def as_small_floats(estimate, x, y, times):
    return [np.float32(said) for said in with_a_generator(estimate, x, y, times)]


def as_small_tensors(estimate, x, y, times):
    return [torch.tensor(said) for said in with_a_generator(estimate, x, y, times)]


def three_digits(estimate, x, y, times):
    return [round(said, 3) for said in with_a_generator(estimate, x, y, times)]


RIGHT: dict[str, Function] = {
    "a generator": with_a_generator,
    "torch": with_torch,
    "float32": as_small_floats,
    "a list of tensors": as_small_tensors,
    "rounded to three digits": three_digits,
    "rows shuffled": rows_in_place_of_labels,
    "a seed a turn": a_seed_a_turn,
}


def nothing_shuffled(estimate, x, y, times):
    return [estimate(x, y) for _ in range(times)]


def both_shuffled(estimate, x, y, times):
    return [estimate(*shuffle(x, y, random_state=turn)) for turn in range(times)]


def rolled(estimate, x, y, times):
    return [estimate(x, np.roll(y, turn + 1)) for turn in range(times)]


def a_few_swapped(estimate, x, y, times):
    said = []
    for turn in range(times):
        labels, some = y.copy(), np.random.default_rng(turn).permutation(len(y))[:60]
        labels[some] = labels[some[::-1]]
        said.append(estimate(x, labels))
    return said


def one_order(estimate, x, y, times):
    return [estimate(x, np.random.default_rng(0).permutation(y)) for _ in range(times)]


def shuffled_once(estimate, x, y, times):
    labels = np.random.default_rng(0).permutation(y)
    return [estimate(x, labels) for _ in range(times)]


def drawn(estimate, x, y, times):
    draw = np.random.default_rng(0)
    return [estimate(x, draw.integers(0, y.max() + 1, len(y))) for _ in range(times)]


def with_replacement(estimate, x, y, times):
    draw = np.random.default_rng(0)
    return [estimate(x, draw.choice(y, len(y))) for _ in range(times)]


def half_of_the_rows(estimate, x, y, times):
    draw = np.random.default_rng(0)
    half = len(y) // 2
    return [estimate(x[:half], draw.permutation(y[:half])) for _ in range(times)]


def above_the_real_one(estimate, x, y, times):
    real = estimate(x, y)
    return [real - said for said in with_a_generator(estimate, x, y, times)]


def one_call_more(estimate, x, y, times):
    print(estimate(x, y))
    return with_a_generator(estimate, x, y, times)


def each_column_by_itself(estimate, x, y, times):
    return [estimate(np.random.default_rng(turn).permuted(x, axis=0), y) for turn in range(times)]


def one_column(estimate, x, y, times):
    said = []
    for turn in range(times):
        rows = x.copy()
        rows[:, 0] = np.random.default_rng(turn).permutation(rows[:, 0])
        said.append(estimate(rows, y))
    return said


def means(estimate, x, y, times):
    return [np.mean(with_a_generator(estimate, x, y, times))] * times


def the_best_of_two(estimate, x, y, times):
    order = np.random.default_rng(0)
    return [
        max(estimate(x, order.permutation(y)), estimate(x, order.permutation(y)))
        for _ in range(times)
    ]


def never_asked(estimate, x, y, times):
    print("Task 2 passed.")
    return np.full(times, 0.25)


def in_place(estimate, x, y, times):
    said, order = [], np.random.default_rng(0)
    for _ in range(times):
        order.shuffle(y)
        said.append(estimate(x, y))
    return said


def one_for_all(estimate, x, y, times):
    draw = np.random.default_rng(0)
    said = [estimate(x, draw.permutation(y)) for _ in range(times)]
    return [said[0]] * times


WRONG = (
    Wrong(
        name="the first for all",
        answer=one_for_all,
        fails="answers",
        says=r"the 6 numbers that came back are not the ones that the 6 calls of estimate gave",
    ),
    Wrong(
        name="nothing shuffled",
        answer=nothing_shuffled,
        says=r"On a table sorted by label, 100% of the labels still belong to their row in call 1",
    ),
    Wrong(name="rows and labels alike", answer=both_shuffled),
    Wrong(name="rolled", answer=rolled, fails="shuffled"),
    Wrong(name="a few swapped", answer=a_few_swapped, fails="shuffled"),
    Wrong(
        name="seeded in the loop",
        answer=one_order,
        fails="anew",
        says=r"two calls of estimate got the labels in the same order\.",
    ),
    Wrong(name="shuffled once", answer=shuffled_once, fails="anew"),
    Wrong(
        name="drawn",
        answer=drawn,
        fails="counts",
        says=r"call 1 of estimate got other labels, or other rows, than there are\.",
    ),
    Wrong(name="with replacement", answer=with_replacement, fails="counts"),
    Wrong(name="each column by itself", answer=each_column_by_itself, fails="counts"),
    Wrong(name="one column", answer=one_column, fails="counts"),
    Wrong(
        name="the true labels too",
        answer=one_call_more,
        says=r"call 1 of estimate got the true labels; expected 6 calls, each with shuffled ones\.",
    ),
    Wrong(name="half of the rows", answer=half_of_the_rows),
    Wrong(name="a difference", answer=above_the_real_one),
    Wrong(
        name="means",
        answer=means,
        fails="answers",
        says=r"On a table sorted by label, 0\.5\d* came back, which estimate never said",
    ),
    Wrong(name="the best of two", answer=the_best_of_two, fails="answers"),
    Wrong(name="never asked", answer=never_asked),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"On a table sorted by label, y changed in place\.",
    ),
)
