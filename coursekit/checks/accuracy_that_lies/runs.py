"""What a run of task 3's script did, and the measurement that each lettered cause stands on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from coursekit.checks.columns import uneven_inputs
from coursekit.checks.diagnosing import Cause
from coursekit.checks.experiment import Script, Settings, outcome, reading
from coursekit.checks.trained import named_rightly, one_class
from coursekit.checks.wording import two_digits

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

HEALTHY = 0.8  # accuracy; a guess is right in one of ten
UNEVEN = 100.0  # widest input column over the middle one; pixels give less than 2
LEARNT = 0.9  # accuracy on the training rows themselves; the script's own is 1
ONE_CLASS = 0.8  # share of the most frequent class in a batch; shuffled digits have .2
RARE = 0.03  # share of the training rows; the rarest class that the script holds has twice that
FOUND = 0.5  # recall of a class; healed runs give each .8, with thirty rows of a class it swings
SEEN = 0.8  # accuracy on validation rows of the classes that training holds; 100 rows give it


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One run of the script, its accuracies measured again with its model.

    Attributes:
        accuracy: Share of the validation rows that the network names rightly.
        learnt: The same of the training rows.
        on_seen: The same of the validation rows whose class has a training row.
        recalls: The same of each such class by itself, by its number.
        rows: Training rows as they enter the network, shape (rows, features).
        labels: Class numbers of the training rows, shape (rows,).
        missing: Classes of validation rows that no training row has.
        one_class: Share of the most frequent class in a batch, mean over the batches.
    """

    accuracy: float
    learnt: float
    on_seen: float
    recalls: Mapping[int, float]
    rows: Array
    labels: Labels
    missing: tuple[int, ...]
    one_class: float

    @property
    def weakest(self) -> int:
        """The class with the least recall among those that training holds."""
        return min(self.recalls, key=self.recalls.__getitem__)

    @property
    def rarest(self) -> float:
        """Share of the training rows that the rarest of their classes has."""
        counts = np.bincount(self.labels)
        return float(counts[counts > 0].min() / len(self.labels))


def run(experiment: Script, seed: int, settings: Settings) -> Run:
    """One run of the script."""
    return read(outcome(experiment, seed, settings))


def read(found: Any) -> Run:
    """Look into what the script returned.

    Raises:
        CheckFailed: It is not the dictionary that the script returns.
    """
    with reading("model, train, val, losses, batches and accuracy"):
        model = found["model"].eval()
        (rows, labels), (val, answers) = found["train"].tensors, found["val"].tensors
        seen = torch.isin(answers, labels)
        with torch.no_grad():
            right = (model(val).argmax(dim=1) == answers).float()
        return Run(
            accuracy=float(right.mean()),
            learnt=named_rightly(model, rows, labels),
            on_seen=float(right[seen].mean()),
            recalls={
                number: float(right[answers == number].mean())
                for number in answers[seen].unique().tolist()
            },
            rows=rows.numpy(),
            labels=labels.numpy(),
            missing=tuple(answers[~seen].unique().tolist()),
            one_class=one_class([labels[torch.as_tensor(part)] for part in found["batches"]]),
        )


CAUSES: Mapping[str, Cause[Run]] = {
    "A": uneven_inputs(above=UNEVEN),
    "B": Cause(
        holds=lambda run: run.learnt < LEARNT,
        measured=lambda run: f"the accuracy on the training rows is {run.learnt:.2f}",
    ),
    "C": Cause(
        holds=lambda run: run.one_class > ONE_CLASS,
        measured=lambda run: (
            f"the most frequent class makes up {two_digits(run.one_class)} of a batch"
        ),
    ),
    "D": Cause(
        holds=lambda run: run.on_seen < SEEN,
        measured=lambda run: (
            "of the validation rows whose class stands among the training rows, "
            f"{run.on_seen:.2f} are named rightly, so these classes have rows enough"
        ),
    ),
    "E": Cause(
        holds=lambda run: run.rarest < RARE,
        measured=lambda run: (
            "the rarest of the classes that stand among the training rows has "
            f"{run.rarest:.2f} of them"
        ),
    ),
    "F": Cause(
        holds=lambda run: bool(run.missing),
        measured=lambda run: (
            "no training row is of class " + ", ".join(map(str, run.missing))
            if run.missing
            else f"every class of the validation rows has training rows, {run.rarest:.2f} or more"
        ),
    ),
    "G": Cause(
        holds=lambda run: run.accuracy >= HEALTHY,
        measured=lambda run: f"the accuracy on validation rows is {run.accuracy:.2f}",
    ),
}
