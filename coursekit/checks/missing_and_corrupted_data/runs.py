"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from coursekit.checks.columns import uneven_columns
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, outcome, reading
from coursekit.checks.trained import accurate, named_rightly
from coursekit.checks.verdicts import CheckFailed
from coursekit.checks.wording import kind_of, two_digits
from coursekit.datasets import load_dataset

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.8  # accuracy; the script as it is given reaches .5 to .7
UNEVEN = 100.0  # widest input column over the middle one; scaled columns give 1
IN_COLUMNS = 10  # of 13; in a sound table the most shared value stands in 5 or 6
STRANGERS = 0.6  # share of rows labelled as their nearest row; .9 in sound rows, .4 by chance
OTHER_RATES = ({"lr": 1.0}, {"lr": 0.01})


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script.

    Attributes:
        accuracy: Share of the held-out rows that the network names rightly, measured anew.
        rows: The rows that the script trains on, as the laboratory measured them.
        labels: Class numbers that the script trains on, shape (rows,).
        filled: Training rows after filling, before scaling, shape (rows, columns).
        reaching: Training rows as they enter the network, of the same shape.
    """

    accuracy: float
    rows: Array
    labels: Labels
    filled: Array
    reaching: Array


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script.

    Raises:
        CheckFailed: The mark is a text, which would equal no cell of the table.
    """
    if isinstance(settings.get("na"), str):
        raise CheckFailed(f"na got {kind_of(settings['na'])}; expected a number or None.")
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, test, rows, table and accuracy"):
        model, rows = found["model"].eval(), np.asarray(found["rows"])
        (x, y), (held_out, answers) = found["train"].tensors, found["test"].tensors
        return Run(
            accuracy=named_rightly(model, held_out, answers),
            rows=load_dataset("wine").x[rows].astype(np.float64),
            labels=y.numpy(),
            filled=np.asarray(found["table"], dtype=np.float64)[rows],
            reaching=x.double().numpy(),
        )


def empty_cells(run: Run) -> int:
    """Values that are not finite among those that enter the network."""
    return int((~np.isfinite(run.reaching)).sum())


def most_shared(run: Run) -> int:
    """In how many columns the value stands that stands in most of them."""
    columns = [np.unique(column[np.isfinite(column)]) for column in run.filled.T]
    _, counts = np.unique(np.concatenate(columns), return_counts=True)
    return int(counts.max(initial=0))


def labelled_alike(run: Run) -> float:
    """Share of rows labelled as their nearest row, scaled by quartiles so that slips weigh little.

    A column is cut at three widths of its middle half.
    """
    x = run.filled
    low, middle, high = np.nanquantile(x, [0.25, 0.5, 0.75], axis=0)
    x = np.nan_to_num(np.clip((x - middle) / np.maximum(high - low, 1e-12), -3, 3))
    nearest = NearestNeighbors(n_neighbors=1).fit(x).kneighbors(return_distance=False)[:, 0]
    return float((run.labels[nearest] == run.labels).mean())


def _entering(run: Run) -> Array:
    """What enters the network; NaN as 0, since an empty cell is a cause of its own."""
    return np.nan_to_num(run.reaching)


CAUSES: Mapping[str, Cause[Run]] = {
    "A": uneven_columns(_entering, above=UNEVEN),
    "B": Cause(
        others=lambda _: OTHER_RATES,
        measured=lambda run: f"at the script's own rate it is {two_digits(run.accuracy)}",
    ),
    "C": Cause(
        holds=lambda run: empty_cells(run) > 0,
        measured=lambda run: f"{empty_cells(run)} values that enter the network are NaN",
    ),
    "D": Cause(
        holds=lambda run: most_shared(run) >= IN_COLUMNS,
        measured=lambda run: (
            f"after filling, one and the same number stands in {most_shared(run)} of "
            f"{run.filled.shape[1]} columns"
        ),
    ),
    "E": Cause(
        holds=lambda run: labelled_alike(run) < STRANGERS,
        measured=lambda run: (
            f"for {1 - labelled_alike(run):.0%} of the rows the nearest one has another label, "
            "where columns are scaled by their quartiles and cut"
        ),
    ),
    "F": accurate(enough=HEALTHY),
}
