"""The optional task."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch

from tests.checks.answers.kit import Function, Wrong


def _shift(trained_on, request):
    return np.abs(request.mean(axis=0) - trained_on.mean(axis=0)) / trained_on.std(axis=0)


def _ratio(trained_on, request):
    return request.std(axis=0) / trained_on.std(axis=0)


def with_limits(trained_on, request):
    ratio = _ratio(trained_on, request)
    return _shift(trained_on, request).max() > 3 or ratio.max() > 3 or ratio.min() < 0.2


def with_logarithms(trained_on, request):
    odd = np.abs(np.log(_ratio(trained_on, request)))
    if odd.max() > np.log(5):
        return True
    return bool(np.any(_shift(trained_on, request) > 2.5))


def with_torch(trained_on, request):
    rows = torch.tensor(request)
    size = rows.square().mean().sqrt()  # 1 in training
    return size > 3 or size < 0.3


def by_single_values(trained_on, request):
    outside = np.mean(np.abs(request) > 6)
    return outside > 0.05 or np.abs(request).max() < 0.5


RIGHT: dict[str, Function] = {
    "limits": with_limits,
    "logarithms": with_logarithms,
    "the size of all values": with_torch,
    "single values": by_single_values,
}


def never(trained_on, request):
    return False


def always(trained_on, request):
    return True


def mean_alone(trained_on, request):
    return _shift(trained_on, request).max() > 3


def stretched_alone(trained_on, request):
    return _shift(trained_on, request).max() > 3 or _ratio(trained_on, request).max() > 3


def spread_alone(trained_on, request):
    ratio = _ratio(trained_on, request)
    return ratio.max() > 3 or ratio.min() < 0.2


def with_a_tight_mean(trained_on, request):
    return with_limits(trained_on, request) or _shift(trained_on, request).max() > 0.3


def calibrated_on_mixed_rows(trained_on, request):
    return with_limits(trained_on, request) or _shift(trained_on, request).max() > 0.81


def alike_is_odd(trained_on, request):
    return with_limits(trained_on, request) or np.median(_ratio(trained_on, request)) < 0.8


def other_rows_than_known(trained_on, request):
    return not all(np.isclose(trained_on, row).all(axis=1).any() for row in request)


def quiet_on_variety(trained_on, request):
    """Takes a wide variety for a fault: honest mixed rows are varied, those of one kind are not."""
    return with_limits(trained_on, request) or np.mean(_ratio(trained_on, request)) > 0.95


def in_place(trained_on, request):
    went_off = with_limits(trained_on, request)
    request -= request.mean(axis=0)
    return went_off


def says_so(trained_on, request):
    print("The optional task passed.")
    return False


WRONG = (
    Wrong(
        name="never",
        answer=never,
        fails="faults",
        says=r"Of requests of raw rows, 0% set your alarm off; expected at least 95%\.",
    ),
    Wrong(name="always", answer=always),
    Wrong(
        name="the mean alone",
        answer=mean_alone,
        fails="faults",
        says=r"Of requests of rows that were divided by 255 after scaling, 0% set your alarm off",
    ),
    Wrong(name="the mean and stretched spreads", answer=stretched_alone, fails="faults"),
    Wrong(name="the spread alone", answer=spread_alone, fails="faults"),
    Wrong(name="a tight limit for the mean", answer=with_a_tight_mean),
    Wrong(
        name="limits from mixed rows",
        answer=calibrated_on_mixed_rows,
        fails="one kind",
        says=r"Of honest requests of 16 wines of one kind, \d+% set your alarm off; .* most 5%\.",
    ),
    Wrong(name="small spreads are odd", answer=alike_is_odd, fails="one kind"),
    Wrong(
        name="variety is odd",
        answer=quiet_on_variety,
        fails="mixed",
        says=r"Of honest requests of 16 rows, \d+% set your alarm off; expected at most 5%\.",
    ),
    Wrong(name="rows that it has not seen", answer=other_rows_than_known),
    Wrong(
        name="centres the request in place",
        answer=in_place,
        fails="changes",
        says=r"alarm changed request in place\.",
    ),
    Wrong(name="prints that it passed", answer=says_so, fails="faults"),
)
