"""Task 2."""

# Written as a learner writes: without annotations.
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import numpy as np
import torch

from tests.checks.answers.kit import Function, Wrong

OVER = (0, 2, 3)


def with_torch(trained_on, in_use):
    spread = trained_on.std(dim=OVER)
    shift = (in_use.mean(dim=OVER) - trained_on.mean(dim=OVER)) / spread
    return shift, in_use.std(dim=OVER) / spread


def with_numpy(trained_on, in_use):
    before, after = trained_on.numpy(), in_use.numpy()
    spread = before.std(axis=OVER)
    return [
        (after.mean(axis=OVER) - before.mean(axis=OVER)) / spread,
        after.std(axis=OVER) / spread,
    ]


def with_a_loop(trained_on, in_use):
    shifts, ratios = [], []
    for channel in range(trained_on.shape[1]):
        before, after = trained_on[:, channel].flatten(), in_use[:, channel].flatten()
        scaled = (after - before.mean()) / before.std()
        shifts.append(scaled.mean().item())
        ratios.append(scaled.std().item())
    return shifts, ratios


def stacked(trained_on, in_use):
    before, after = (x.transpose(0, 1).flatten(1).double() for x in (trained_on, in_use))
    spread = before.var(dim=1, correction=0).sqrt()
    shift = (after.mean(dim=1) - before.mean(dim=1)) / spread
    return torch.stack([shift, after.std(dim=1, correction=0) / spread])


RIGHT: dict[str, Function] = {
    "torch": with_torch,
    "numpy": with_numpy,
    "a loop": with_a_loop,
    "one tensor": stacked,
}


def by_the_spread_in_use(trained_on, in_use):
    shift, ratio = with_torch(trained_on, in_use)
    return shift / ratio, ratio


def training_minus_use(trained_on, in_use):
    shift, ratio = with_torch(trained_on, in_use)
    return -shift, ratio


def without_sign(trained_on, in_use):
    shift, ratio = with_torch(trained_on, in_use)
    return shift.abs(), ratio


def not_divided(trained_on, in_use):
    shift = in_use.mean(dim=OVER) - trained_on.mean(dim=OVER)
    return shift, with_torch(trained_on, in_use)[1]


def medians(trained_on, in_use):
    middle = [x.transpose(0, 1).flatten(1).median(dim=1).values for x in (trained_on, in_use)]
    return (middle[1] - middle[0]) / trained_on.std(dim=OVER), with_torch(trained_on, in_use)[1]


def upside_down(trained_on, in_use):
    shift, ratio = with_torch(trained_on, in_use)
    return shift, 1 / ratio


def variances(trained_on, in_use):
    shift, ratio = with_torch(trained_on, in_use)
    return shift, ratio**2


def within_pictures(trained_on, in_use):
    spreads = [x.std(dim=(2, 3)).mean(dim=0) for x in (trained_on, in_use)]
    return with_torch(trained_on, in_use)[0], spreads[1] / (spreads[0] + 1e-6)


def over_pictures_alone(trained_on, in_use):
    spreads = [x.std(dim=0, correction=0).mean(dim=(1, 2)) for x in (trained_on, in_use)]
    return with_torch(trained_on, in_use)[0], spreads[1] / (spreads[0] + 1e-6)


def ranges(trained_on, in_use):
    widths = [x.amax(dim=OVER) - x.amin(dim=OVER) for x in (trained_on, in_use)]
    return with_torch(trained_on, in_use)[0], widths[1] / widths[0]


def one_number_for_all(trained_on, in_use):
    ones = torch.ones(trained_on.shape[1])
    shift = (in_use.mean() - trained_on.mean()) / trained_on.std()
    return shift * ones, in_use.std() / trained_on.std() * ones


def turned_round(trained_on, in_use):
    shift, ratio = with_torch(trained_on, in_use)
    return ratio, shift


def in_place(trained_on, in_use):
    mean, spread = trained_on.mean(dim=OVER), trained_on.std(dim=OVER)
    in_use -= mean[:, None, None]
    in_use /= spread[:, None, None]
    return in_use.mean(dim=OVER), in_use.std(dim=OVER)


def says_so(trained_on, in_use):
    print("Task 2 passed.")
    return np.zeros(trained_on.shape[1]), np.ones(trained_on.shape[1])


WRONG = (
    Wrong(
        name="in spreads of use",
        answer=by_the_spread_in_use,
        fails="shift",
        says=r"On pictures of two channels, the shift of channel 0 is 1\.50; expected 3\.00\.",
    ),
    Wrong(name="training minus use", answer=training_minus_use, fails="shift"),
    Wrong(name="without its sign", answer=without_sign, fails="shift"),
    Wrong(name="not in spreads", answer=not_divided, fails="shift"),
    Wrong(name="medians", answer=medians, fails="shift"),
    Wrong(
        name="training over use",
        answer=upside_down,
        fails="ratio",
        says=r"On pictures of two channels, the ratio of channel 1 is 2\.00; expected 0\.50\.",
    ),
    Wrong(name="variances", answer=variances, fails="ratio"),
    Wrong(name="the spread within each picture", answer=within_pictures, fails="ratio"),
    Wrong(name="the spread at each pixel", answer=over_pictures_alone, fails="ratio"),
    Wrong(name="widths", answer=ranges, fails="ratio"),
    Wrong(name="one number for all channels", answer=one_number_for_all),
    Wrong(name="in the other order", answer=turned_round),
    Wrong(
        name="scales in place",
        answer=in_place,
        fails="changes",
        says=r"On pictures of two channels, mismatch changed in_use in place\.",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
