"""Readings as they come in, and the record that they become. No torch, no keras."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError
from coursekit.records import Framework, Record, Series
from coursekit.records.quantities import (
    PER_BOUNDED,
    PER_CLASS,
    PER_FEATURE,
    PER_LAYER,
    PER_RELU,
    QUANTITIES,
)
from coursekit.vitals.readings import Floats

Steps = npt.NDArray[np.int64]


class Column:
    """The readings of one quantity so far."""

    def __init__(self, *, labels: Sequence[str] = (), unit: str = "") -> None:
        self.labels = tuple(labels)
        self.unit = unit
        self._blocks: list[tuple[Steps, Floats]] = []

    def add(self, step: int, value: float | Floats) -> None:
        """Add the reading of one step: a number, or an array of shape (labels,)."""
        self.extend([step], np.array([value], dtype=np.float64))

    def extend(self, steps: Sequence[int], values: Floats) -> None:
        """Add the readings of several steps, shape (steps,) or (steps, labels)."""
        block = np.array(steps, dtype=np.int64), values
        self._blocks.append(block)  # at once: Ctrl-C may come between two lines

    def series(self, *, keeping: Collection[str] | None = None) -> Series:
        """The readings as a series; only of the labels in `keeping`, where that is given."""
        shape = (-1, len(self.labels)) if self.labels else (-1,)
        empty = np.zeros((0, *shape[1:]))
        values = np.concatenate([empty, *(values.reshape(shape) for _, values in self._blocks)])
        steps = np.concatenate([np.zeros(0, np.int64), *(steps for steps, _ in self._blocks)])
        labels = self.labels
        if keeping is not None:
            kept = [number for number, label in enumerate(labels) if label in keeping]
            values, labels = values[:, kept], tuple(labels[number] for number in kept)
        return Series(steps=steps, values=values, labels=labels, unit=self.unit)

    @classmethod
    def of(cls, series: Series) -> "Column":
        """A column that holds the readings of a series."""
        column = cls(labels=series.labels, unit=series.unit)
        column.extend(series.steps.tolist(), series.values)
        return column


class Ledger:
    """All columns and notes of one run.

    >>> ledger = Ledger(framework="torch", layers=["0"])
    >>> ledger.open(["loss"])
    >>> ledger.add("loss", 0, 1.5)
    >>> ledger.log("val_accuracy", 1, 0.9)
    >>> ledger.record()
    Record(torch, 1 step: loss, val_accuracy)
    """

    def __init__(self, *, framework: Framework, layers: Iterable[str]) -> None:
        self._framework: Framework = framework
        self._layers = tuple(layers)
        self._columns: dict[str, Column] = {}
        self._notes: dict[str, None] = {}

    def open(
        self, quantities: Iterable[str], *, labels: Sequence[str] | None = None, unit: str = ""
    ) -> None:
        """Make columns: of one number a step, or of one per label; none where no label is.

        A column that is open already stays as it is.
        """
        for quantity in quantities:
            if labels is None or labels:
                self._columns.setdefault(quantity, Column(labels=labels or (), unit=unit))

    def __contains__(self, quantity: str) -> bool:
        return quantity in self._columns

    def labels(self, quantity: str) -> tuple[str, ...]:
        """The labels of a column; none where there is no such column."""
        return self._columns[quantity].labels if quantity in self._columns else ()

    def add(self, quantity: str, step: int, value: float | Floats) -> None:
        """Add a reading to a column that is open."""
        self._columns[quantity].add(step, value)

    def extend(self, quantity: str, steps: Sequence[int], values: Floats) -> None:
        """Add the readings of several steps, shape (steps,) or (steps, labels)."""
        self._columns[quantity].extend(steps, values)

    def features(self, steps: int | Sequence[int], mean: Floats, std: Floats) -> None:
        """Add input statistics, shape (features,) for one step, (steps, features) for several.

        The first batch says how many features there are.
        """
        if isinstance(steps, int):
            steps, mean, std = [steps], mean[None], std[None]
        features = mean.shape[1]
        self.open(PER_FEATURE, labels=[str(number) for number in range(features)])
        if features == len(self.labels("input_mean")):
            self.extend("input_mean", steps, mean)
            self.extend("input_std", steps, std)
        else:
            self.note("The number of input features changed; only the first number is recorded.")

    def classes(self, steps: Sequence[int], counts: Floats) -> None:
        """Add labels per class, shape (steps, classes); the first says how many classes."""
        classes = counts.shape[1]
        self.open(PER_CLASS, labels=[str(number) for number in range(classes)])
        if classes == len(self.labels("label_count")):
            self.extend("label_count", steps, counts)
        else:
            self.note("The number of classes changed; only the first number is recorded.")

    def log(self, name: str, step: int, value: float, *, unit: str = "") -> None:
        """Add a number of the user's own.

        Raises:
            BadInputError: The name is one that recording uses or no text, or the value is no
                number.
        """
        if not isinstance(name, str):
            raise BadInputError(
                f"log({name!r}, …) got a {type(name).__name__} as the name; pass text, such as "
                "log('val_accuracy', 0.9)."
            )
        if name in QUANTITIES:
            raise BadInputError(
                f"The name {name!r} is one that the recording itself writes. Choose another, "
                f"such as 'my_{name}'."
            )
        try:
            number = float(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise BadInputError(
                f"log({name!r}, …) got a {type(value).__name__}; pass one number."
            ) from error
        self._columns.setdefault(name, Column(unit=unit)).add(step, number)

    def note(self, sentence: str) -> None:
        """Keep a sentence on what could not be seen; the same one is kept once."""
        self._notes[sentence] = None

    def restore(self, run: Record) -> None:
        """Go on from a record of this ledger that left nothing out."""
        self._columns = {name: Column.of(series) for name, series in run.series.items()}
        self._notes = dict.fromkeys(run.notes)

    def record(self, *, seen: Collection[str] | None = None, notes: Iterable[str] = ()) -> Record:
        """The record so far.

        Args:
            seen: The layers whose output was read; None for all.
            notes: Sentences to add to those kept.
        """
        series = {}
        for name, column in self._columns.items():
            partly = seen is not None and name in (*PER_LAYER, *PER_RELU, *PER_BOUNDED)
            if not partly or set(column.labels) & set(seen or ()):
                series[name] = column.series(keeping=seen if partly else None)
        return Record(
            series=series,
            layers=self._layers,
            framework=self._framework,
            notes=tuple(dict.fromkeys([*self._notes, *notes])),
        )
