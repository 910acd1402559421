"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch

from tests.checks.answers.kit import Function, Wrong


def by_counts(p, y, threshold, share):
    alarms = p > threshold
    found = (alarms & (y == 1)).sum() / (y == 1).sum()
    called = (alarms & (y == 0)).sum() / (y == 0).sum()
    rows = 1_000_000
    right, wrong = rows * share * found, rows * (1 - share) * called
    if right + wrong == 0:
        return 0.0, 0.0
    return float(found), float(right / (right + wrong))


def with_weights(p, y, threshold, share):
    each = np.where(y == 1, share / y.mean(), (1 - share) / (1 - y.mean()))  # (rows,)
    alarms = p > threshold
    recall = alarms[y == 1].mean()
    total = each[alarms].sum()
    return [recall, each[alarms & (y == 1)].sum() / total if total else 0]


def with_torch(p, y, threshold, share):
    alarms, y = torch.tensor(p) > threshold, torch.tensor(y)
    found, called = (alarms[y == label].double().mean() for label in (1, 0))
    right = share * found
    precision = right / (right + (1 - share) * called)
    return torch.stack([found, precision.nan_to_num(0.0)])


RIGHT: dict[str, Function] = {
    "by counts": by_counts,
    "with weights": with_weights,
    "with torch": with_torch,
}


def both(p, y, threshold):
    return (p[y == 1] > threshold).mean(), (p[y == 0] > threshold).mean()


def ratio(right, wrong):
    return right / (right + wrong) if right + wrong else 0.0


def of_the_test_rows(p, y, threshold, share):
    alarms = p > threshold
    found, _ = both(p, y, threshold)
    return found, ratio((alarms & (y == 1)).sum(), (alarms & (y == 0)).sum())


def at_one_half(p, y, threshold, share):
    return by_counts(p, y, 0.5, share)


def from_the_threshold_on(p, y, threshold, share):
    found, called = (p[y == 1] >= threshold).mean(), (p[y == 0] >= threshold).mean()
    return found, ratio(share * found, (1 - share) * called)


def swapped(p, y, threshold, share):
    return by_counts(p, y, threshold, share)[::-1]


def share_turned(p, y, threshold, share):
    return by_counts(p, y, threshold, 1 - share)


def share_once(p, y, threshold, share):
    found, called = both(p, y, threshold)
    return found, ratio(share * found, called)


def nan_without_alarm(p, y, threshold, share):
    found, precision = by_counts(p, y, threshold, share)
    return found, precision if found else float("nan")


def one_without_alarm(p, y, threshold, share):
    found, precision = by_counts(p, y, threshold, share)
    return found, precision if found else 1.0


def recall_of_all_rows(p, y, threshold, share):
    found = ((p > threshold) & (y == 1)).mean()
    return found, by_counts(p, y, threshold, share)[1]


def accuracy(p, y, threshold, share):
    return ((p > threshold) == y).mean(), by_counts(p, y, threshold, share)[1]


def false_alarms_of_all_rows(p, y, threshold, share):
    found, _ = both(p, y, threshold)
    called = ((p > threshold) & (y == 0)).mean()
    return found, ratio(share * found, (1 - share) * called)


def times_the_share(p, y, threshold, share):
    found, precision = of_the_test_rows(p, y, threshold, share)
    return found, precision * share / y.mean()


def in_place(p, y, threshold, share):
    answer = by_counts(p, y, threshold, share)
    p[:] = p > threshold
    return answer


WRONG = (
    Wrong(
        name="of the test rows",
        answer=of_the_test_rows,
        fails="precision",
        says=r"On twelve rows \(threshold 0\.5, share in use 0\.01\), in_use says that the "
        r"precision in use is 0\.67; expected 0\.039\.",
    ),
    Wrong(name="at one half", answer=at_one_half),
    Wrong(name="from the threshold on", answer=from_the_threshold_on),
    Wrong(name="swapped", answer=swapped),
    Wrong(name="share turned", answer=share_turned, fails="precision"),
    Wrong(name="share once", answer=share_once, fails="precision"),
    Wrong(
        name="NaN without alarm",
        answer=nan_without_alarm,
        fails="no alarm",
        says=r"\(threshold 0\.95, .*\), there is no alarm, and in_use gives NaN as the precision; "
        r"expected 0\.",
    ),
    Wrong(name="one without alarm", answer=one_without_alarm, fails="no alarm"),
    Wrong(
        name="recall of all rows",
        answer=recall_of_all_rows,
        fails="recall",
        says=r"in_use says that the recall is 0\.17; expected 0\.5\.",
    ),
    Wrong(name="accuracy", answer=accuracy, fails="recall"),
    Wrong(name="false alarms of all rows", answer=false_alarms_of_all_rows, fails="precision"),
    Wrong(name="times the share", answer=times_the_share, fails="precision"),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"On twelve rows \(.*\), in_use changed p\.",
    ),
)
