"""The optional task: ``alarm(trained_on, request)`` notices rows that are prepared wrongly.

Nobody has labels in use, so the inputs themselves must tell. The answer is called with honest
requests, some of one kind of wine only, and with requests that were spoilt in four ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split
from torch import Tensor

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]

SEED = 203
ROWS = 16  # in a request
MIXED, OF_ONE_KIND, SPOILT = 60, 12, 20  # requests
FALSE_ALARMS = 0.05
FOUND = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """How often the alarm went off.

    Attributes:
        mixed: Its share over honest requests, kinds mixed at random.
        of_one_kind: Its share over honest requests of one kind of wine.
        faults: Its share over requests that were spoilt, by the fault.
        altered: Which arguments the answer changed in place.
    """

    mixed: float
    of_one_kind: float
    faults: Mapping[str, float]
    altered: tuple[str, ...]


def gather(alarm: object) -> Evidence:
    """Call the answer on honest and on spoilt requests."""
    data = load_dataset("wine")
    kept, rest = train_test_split(
        np.arange(len(data.y)), test_size=0.5, stratify=data.y, random_state=SEED
    )
    mean, spread = data.x[kept].mean(axis=0), data.x[kept].std(axis=0)
    chance = np.random.default_rng(SEED)
    mixed = [chance.choice(rest, ROWS, replace=False) for _ in range(MIXED)]
    kinds = [rest[data.y[rest] == kind] for kind in range(3)]
    of_one_kind = [chance.choice(kinds[i % 3], ROWS, replace=False) for i in range(OF_ONE_KIND)]
    scaled = (data.x - mean) / spread
    trained_on = scaled[kept]
    went_off, altered = _goes_off(alarm, trained_on, [scaled[rows] for rows in mixed])
    one_kind, _ = _goes_off(alarm, trained_on, [scaled[rows] for rows in of_one_kind])
    faults = {
        name: _goes_off(alarm, trained_on, [x[rows] for rows in mixed[:SPOILT]])[0]
        for name, x in _spoilt(data.x, mean, spread).items()
    }
    return Evidence(mixed=went_off, of_one_kind=one_kind, faults=faults, altered=altered)


def faults_are_found(evidence: Evidence) -> str | None:
    """Nearly every spoilt request sets it off, whatever the fault."""
    for name, share in evidence.faults.items():
        if share < FOUND:
            return (
                f"Of requests of {name}, {share:.0%} set your alarm off; expected at least "
                f"{FOUND:.0%}."
            )
    return None


def mixed_requests_pass(evidence: Evidence) -> str | None:
    """Hardly any honest, mixed request sets it off."""
    if evidence.mixed <= FALSE_ALARMS:
        return None
    return (
        f"Of honest requests of {ROWS} rows, {evidence.mixed:.0%} set your alarm off; expected at "
        f"most {FALSE_ALARMS:.0%}."
    )


def one_kind_passes(evidence: Evidence) -> str | None:
    """Nor does an honest request of one kind of wine."""
    if evidence.of_one_kind <= FALSE_ALARMS:
        return None
    return (
        f"Of honest requests of {ROWS} wines of one kind, {evidence.of_one_kind:.0%} set your "
        f"alarm off; expected at most {FALSE_ALARMS:.0%}."
    )


def changes_nothing(evidence: Evidence) -> str | None:
    """The rows are as they were."""
    if not evidence.altered:
        return None
    return f"alarm changed {' and '.join(evidence.altered)} in place."


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    return (
        f"It found at least {min(evidence.faults.values()):.0%} of the requests with each of "
        f"{len(evidence.faults)} faults, and went off on {evidence.mixed:.0%} of honest ones and "
        f"on {evidence.of_one_kind:.0%} of honest ones of one kind."
    )


check_alarm = Check(
    task="The optional task",
    takes=("alarm",),
    gather=gather,
    clauses=(
        Clause(
            name="faults",
            test=faults_are_found,
            hint="Some faults move the mean, some shrink or stretch the spread. Look at both, and "
            "at both sides.",
        ),
        Clause(
            name="mixed",
            test=mixed_requests_pass,
            hint="The mean of sixteen rows is never exactly that of all. How far does it stray?",
        ),
        Clause(
            name="one kind",
            test=one_kind_passes,
            hint="Wines of one kind are alike: another mean and a smaller spread, and no fault.",
        ),
        Clause(
            name="changes",
            test=changes_nothing,
            hint="The network still needs the request. Work on a new array.",
        ),
    ),
    verified=verified,
    hints=(
        "What can be compared without labels? How much of a difference is chance?",
        "For a few honest requests and a few faults, print the largest shift of a column, in "
        "spreads of training, and the smallest and largest ratio of the spreads.",
        "Go off where some column's mean is more than 3 spreads of training away, or where the "
        "ratio of its spreads is above 3 or below 1/5.",
    ),
)


def _spoilt(x: Array, mean: Array, spread: Array) -> dict[str, Array]:
    """All rows, prepared wrongly in four ways."""
    scaled = (x - mean) / spread
    return {
        "raw rows": x,
        "rows that were scaled twice": (scaled - mean) / spread,
        "rows that were divided by the spread and not centred": x / spread,
        "rows that were divided by 255 after scaling": scaled / 255,
    }


def _goes_off(
    alarm: object, trained_on: Array, requests: list[Array]
) -> tuple[float, tuple[str, ...]]:
    """The share of requests that set the alarm off, and what the first call changed in place."""
    calls = [
        call(alarm, {"trained_on": trained_on, "request": request}, name="alarm")
        for request in requests
    ]
    return float(np.mean([_truth(one.result) for one in calls])), calls[0].altered


def _truth(value: object) -> bool:
    """The alarm's answer, or one sentence about what came instead."""
    if isinstance(value, Tensor | np.ndarray | np.generic) and np.asarray(value).size == 1:
        value = value.item()
    if isinstance(value, bool):
        return value
    forgotten = " Is the return missing?" if value is None else ""
    raise CheckFailed(f"alarm returned {kind_of(value)}; expected True or False.{forgotten}")
