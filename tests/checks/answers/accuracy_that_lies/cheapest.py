"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np

from tests.checks.answers.kit import Function, Wrong


def cost_at(p, y, share, missed, alarm, at):
    misses, alarms = (p[y == 1] <= at).mean(), (p[y == 0] > at).mean()
    return share * misses * missed + (1 - share) * alarms * alarm


def every_probability(p, y, share, missed, alarm):
    tried = [-1.0, *p]
    return min(tried, key=lambda at: cost_at(p, y, share, missed, alarm, at))


def in_between(p, y, share, missed, alarm):
    known = np.unique(p)
    tried = np.r_[-np.inf, (known[1:] + known[:-1]) / 2, np.inf]
    return tried[np.argmin([cost_at(p, y, share, missed, alarm, at) for at in tried])]


def a_fine_grid(p, y, share, missed, alarm):
    best, least = 0.0, np.inf
    for step in range(2001):
        cost = cost_at(p, y, share, missed, alarm, step / 2000)
        if cost < least:
            best, least = step / 2000, cost
    return np.array(best)


RIGHT: dict[str, Function] = {
    "every probability": every_probability,
    "in between": in_between,
    "a fine grid": a_fine_grid,
}


def one_half(p, y, share, missed, alarm):
    return 0.5


def as_if_calibrated(p, y, share, missed, alarm):
    return alarm / (alarm + missed)


def best_accuracy(p, y, share, missed, alarm):
    return every_probability(p, y, y.mean(), 1, 1)


def balanced_accuracy(p, y, share, missed, alarm):
    return every_probability(p, y, 0.5, 1, 1)


def share_left_out(p, y, share, missed, alarm):
    return every_probability(p, y, y.mean(), missed, alarm)


def costs_swapped(p, y, share, missed, alarm):
    return every_probability(p, y, share, alarm, missed)


def share_turned(p, y, share, missed, alarm):
    return every_probability(p, y, 1 - share, missed, alarm)


def never(p, y, share, missed, alarm):
    return 1.0


def always(p, y, share, missed, alarm):
    return -1.0


def best_f1(p, y, share, missed, alarm):
    def score(at):
        right = ((p > at) & (y == 1)).sum()
        return 2 * right / ((p > at).sum() + (y == 1).sum())

    return max(p, key=score)


def dearest(p, y, share, missed, alarm):
    return max([-1.0, *p], key=lambda at: cost_at(p, y, share, missed, alarm, at))


def not_every_row(p, y, share, missed, alarm):
    return min(np.unique(p), key=lambda at: cost_at(p, y, share, missed, alarm, at))


def not_no_row(p, y, share, missed, alarm):
    tried = [-1.0, *np.unique(p)[:-1]]
    return min(tried, key=lambda at: cost_at(p, y, share, missed, alarm, at))


def in_place(p, y, share, missed, alarm):
    best = every_probability(p, y, share, missed, alarm)
    y[:] = p > best
    return best


WRONG = (
    Wrong(
        name="one half",
        answer=one_half,
        says=r"On twelve rows \(.*a miss costs 5, a false alarm 1\), 1000 rows in use cost 920 at "
        r"your threshold of 0\.5, and 83 at the best one\.",
    ),
    Wrong(name="as if calibrated", answer=as_if_calibrated, says="alone needs calibrated p"),
    Wrong(name="best accuracy", answer=best_accuracy),
    Wrong(name="balanced accuracy", answer=balanced_accuracy),
    Wrong(
        name="share left out",
        answer=share_left_out,
        fails="share",
        says=r"On an unsure network \(share in use 0\.001, a miss costs 20, .* and 15 at the best",
    ),
    Wrong(name="costs swapped", answer=costs_swapped),
    Wrong(name="share turned", answer=share_turned),
    Wrong(name="never", answer=never),
    Wrong(name="always", answer=always),
    Wrong(name="best F1", answer=best_f1),
    Wrong(name="dearest", answer=dearest),
    Wrong(
        name="never every row",
        answer=not_every_row,
        fails="cost",
        says=r"every row 0\.3 \(.*cost 10000 at your threshold of 0\.3, and 900 at the best",
    ),
    Wrong(name="never no row", answer=not_no_row, fails="cost"),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"On twelve rows \(.*\), cheapest changed y\.",
    ),
)
