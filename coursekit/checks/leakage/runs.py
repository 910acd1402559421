"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.feature_selection import SelectKBest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from torch import Tensor, nn

from coursekit.checks.columns import largest_shift, uneven_columns
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, outcome, reading
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

UNEVEN = 100.0  # widest input column over the middle one; scaled columns give 2
SHIFTED = 1.0  # standard deviations between the means of training and new rows; these give .3
LEARNT = 0.75  # accuracy on the training rows themselves; the script's own is 1
COPIED = 0.05  # share of validation rows that are copies; without repeating there are none
SAME = 1e-3  # distance of two rows in float32 that are one row
DISGUISED = 0.97  # area under the curve of a column alone; the best of this table has .85
HONEST = 0.1  # how much the estimate may be above the accuracy on new rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script, its accuracies measured again with its model.

    Attributes:
        estimate: Mean of the accuracies of both classes on the validation rows.
        accuracy: The same on the new rows.
        learnt: The same on the training rows.
        rows: Training rows as they reach the network, shape (rows, kept columns).
        val: Validation rows at the same place.
        new: New rows at the same place.
        labels: Class numbers of the training rows, shape (rows,).
        chosen_alike: Share of the kept columns that the training rows alone would keep.
    """

    estimate: float
    accuracy: float
    learnt: float
    rows: Array
    val: Array
    new: Array
    labels: Labels
    chosen_alike: float

    @property
    def too_good(self) -> float:
        """How far the estimate is above the accuracy on new rows."""
        return self.estimate - self.accuracy


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, val, new, x, y, rows, kept, estimate and accuracy"):
        model = found["model"].eval()
        parts = [found[name].tensors for name in ("train", "val", "new")]
        learnt, estimate, accuracy = (_balanced(model, x, y) for x, y in parts)
        kept = np.asarray(found["kept"])
        x, y = found["x"][found["rows"]], found["y"][found["rows"]]
        alone = SelectKBest(k=len(kept)).fit(x, y).get_support(indices=True)
        rows, val, new = (x.double().numpy() for x, _ in parts)
        return Run(
            estimate=estimate, accuracy=accuracy, learnt=learnt, rows=rows, val=val, new=new,
            labels=parts[0][1].numpy(), chosen_alike=len({*alone} & {*kept}) / len(kept),
        )  # fmt: skip


def copies(run: Run) -> float:
    """Share of the validation rows that are a training row once more."""
    gaps = np.array([np.abs(run.rows - row).max(axis=1).min() for row in run.val])
    return float((gaps < SAME).mean())


def shift(run: Run) -> float:
    """Largest gap between a column's means in training and new rows, in standard deviations."""
    return largest_shift(run.rows, run.new)


def best_column(run: Run) -> float:
    """How well the best single column tells the classes of the training rows apart, .5 to 1."""
    areas = [float(roc_auc_score(run.labels, column)) for column in run.rows.T]
    return max(max(area, 1 - area) for area in areas)


CAUSES: Mapping[str, Cause[Run]] = {
    "A": uneven_columns(lambda run: run.rows, above=UNEVEN),
    "B": Cause(
        holds=lambda run: shift(run) > SHIFTED,
        measured=lambda run: (
            "the means of training and new rows differ by at most "
            f"{two_digits(shift(run))} standard deviations in any column"
        ),
    ),
    "C": Cause(
        holds=lambda run: run.learnt < LEARNT,
        measured=lambda run: f"the accuracy on the training rows is {run.learnt:.2f}",
    ),
    "D": Cause(
        holds=lambda run: run.chosen_alike < 1,
        measured=lambda run: (
            f"{run.chosen_alike:.0%} of the kept columns are those that the training rows alone "
            "would keep"
        ),
    ),
    "E": Cause(
        holds=lambda run: copies(run) > COPIED,
        measured=lambda run: (
            f"{copies(run):.0%} of the validation rows are a training row once more"
        ),
    ),
    "F": Cause(
        holds=lambda run: best_column(run) > DISGUISED,
        measured=lambda run: (
            "the best column alone orders a pair of rows of both classes rightly in "
            f"{best_column(run):.0%} of the pairs"
        ),
    ),
    "G": Cause(
        holds=lambda run: run.too_good <= HONEST,
        measured=lambda run: (
            f"the estimate is {run.estimate:.2f}, the accuracy on new rows {run.accuracy:.2f}"
        ),
    ),
}


def _balanced(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Mean of the accuracies of both classes."""
    with torch.no_grad():
        return float(balanced_accuracy_score(y.numpy(), model(x).argmax(dim=1).numpy()))
