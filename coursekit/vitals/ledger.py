"""Readings as they come in, and the record that they become. No torch, no keras."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from coursekit.errors import BadInputError
from coursekit.records import Framework, Record, Series
from coursekit.vitals.readings import Floats

PER_STEP = ("loss", "learning_rate", "non_finite", "train_mode")
PER_WEIGHT_LAYER = ("gradient_norm", "weight_norm", "update_ratio")
PER_LAYER = ("activation_mean", "activation_std")
PER_RELU = ("dead_fraction",)
PER_FEATURE = ("input_mean", "input_std")
QUANTITIES = (*PER_STEP, *PER_WEIGHT_LAYER, *PER_LAYER, *PER_RELU, *PER_FEATURE)


class Column:
    """The readings of one quantity so far."""

    def __init__(self, *, labels: Sequence[str] = (), unit: str = "") -> None:
        self.labels = tuple(labels)
        self.unit = unit
        self._readings: list[tuple[int, float | Floats]] = []

    def add(self, step: int, value: float | Floats) -> None:
        """Add the reading of one step: a number, or an array of shape (labels,)."""
        self._readings.append((step, value))  # at once: Ctrl-C may come between two lines

    def keeping(self, labels: Collection[str]) -> "Column":
        """The same readings, only of the labels given."""
        kept = [number for number, label in enumerate(self.labels) if label in labels]
        column = Column(labels=[self.labels[number] for number in kept], unit=self.unit)
        for step, values in self._readings:
            column.add(step, np.asarray(values)[kept])
        return column

    def series(self) -> Series:
        """The readings as a series."""
        shape = (len(self._readings), len(self.labels)) if self.labels else (len(self._readings),)
        return Series(
            steps=np.array([step for step, _ in self._readings], dtype=np.int64),
            values=np.array([value for _, value in self._readings], np.float64).reshape(shape),
            labels=self.labels,
            unit=self.unit,
        )


class Ledger:
    """All columns and notes of one run.

    >>> ledger = Ledger(framework="torch", layers=["0"])
    >>> ledger.open(["loss"])
    >>> ledger.add("loss", 0, 1.5)
    >>> ledger.log("val_accuracy", 1, 0.9)
    >>> ledger.record()
    Record(torch, 2 steps: loss, val_accuracy)
    """

    def __init__(self, *, framework: Framework, layers: Iterable[str]) -> None:
        self._framework: Framework = framework
        self._layers = tuple(layers)
        self._columns: dict[str, Column] = {}
        self._notes: dict[str, None] = {}

    def open(self, quantities: Iterable[str], *, labels: Sequence[str] | None = None) -> None:
        """Make columns: of one number a step, or of one per label; none where no label is."""
        for quantity in quantities:
            if labels is None or labels:
                self._columns[quantity] = Column(labels=labels or ())

    def __contains__(self, quantity: str) -> bool:
        return quantity in self._columns

    def labels(self, quantity: str) -> tuple[str, ...]:
        """The labels of a column; none where there is no such column."""
        return self._columns[quantity].labels if quantity in self._columns else ()

    def add(self, quantity: str, step: int, value: float | Floats) -> None:
        """Add a reading to a column that is open."""
        self._columns[quantity].add(step, value)

    def features(self, step: int, mean: Floats, std: Floats) -> None:
        """Add input statistics, shape (features,); the first batch says how many there are."""
        if "input_mean" not in self:
            self.open(PER_FEATURE, labels=[str(number) for number in range(len(mean))])
        if len(mean) == len(self.labels("input_mean")):
            self.add("input_mean", step, mean)
            self.add("input_std", step, std)
        else:
            self.note("The number of input features changed; only the first number is recorded.")

    def log(self, name: str, step: int, value: float, *, unit: str = "") -> None:
        """Add a number of the user's own.

        Raises:
            BadInputError: The name is one that recording uses, or the value is no number.
        """
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

    def record(self, *, seen: Collection[str] | None = None, notes: Iterable[str] = ()) -> Record:
        """The record so far.

        Args:
            seen: The layers whose output was read; None for all.
            notes: Sentences to add to those kept.
        """
        columns = dict(self._columns)
        for quantity in (*PER_LAYER, *PER_RELU):
            if seen is not None and quantity in columns:
                columns[quantity] = columns[quantity].keeping(seen)
                if not columns[quantity].labels:
                    del columns[quantity]
        return Record(
            series={name: column.series() for name, column in columns.items()},
            layers=self._layers,
            framework=self._framework,
            notes=tuple(dict.fromkeys([*self._notes, *notes])),
        )
