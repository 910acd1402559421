"""Sweep: the losses of many runs that differ in their settings, as plain numpy. No torch here."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError, unknown
from coursekit.records.atomic import write_atomically
from coursekit.records.head import DAMAGE, checked

SCHEMA = "coursekit-sweep"
VERSION = 1

Column = npt.NDArray[Any]

_MOST_LISTED = 8  # values in an error


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepTable:
    """The final losses of a sweep over one or two settings, the median over seeds.

    Attributes:
        x_name: The setting along the columns.
        y_name: The setting along the rows; "" where there is one row.
        x: Its values, shape (columns,): numbers ascending, text as it came.
        y: Its values, shape (rows,).
        loss: Median of the final losses, shape (rows, columns). A run that diverged counts as an
            infinite loss, so a cell is infinite where half of its seeds or more diverged. NaN where
            there is no run.
        diverged: The share of a cell's seeds that diverged, shape (rows, columns).
    """

    x_name: str
    y_name: str
    x: Column
    y: Column
    loss: npt.NDArray[np.float64]
    diverged: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """What `coursekit.sweep` returns: one row a run.

    Attributes:
        settings: Name to a value a run, each of shape (runs,): ``"lr"``, the knobs, ``"seed"``.
        start: The mean loss over the first pass before any update, shape (runs,).
        curve: The mean over the batches of each epoch, shape (runs, epochs). NaN after the epoch
            in which a run's loss was first not finite.
        diverged: Whether the loss was not finite at some batch, or the last epoch's mean is above
            `diverged_above` times the run's `start`, shape (runs,).
        diverged_above: That bound.
        how: For each group of runs, how it was computed and why, one sentence each.
        unit: The unit of a loss, such as ``"nat"`` for a cross-entropy.

    >>> result = Sweep(
    ...     settings={"lr": np.array([0.1, 9.0]), "seed": np.array([0, 0])},
    ...     start=np.array([1.1, 1.1]), curve=np.array([[0.9, 0.5], [7.0, np.nan]]),
    ...     diverged=np.array([False, True]), diverged_above=2.0,
    ...     how=("2 runs stacked.",), unit="nat",
    ... )
    >>> result
    Sweep(2 runs: 2 lr × 1 seed; 2 epochs, 1 diverged)
    >>> result.loss.tolist()
    [0.5, nan]
    >>> result.table().loss.tolist()
    [[0.5, inf]]
    >>> Sweep.from_json(result.to_json()).settings["lr"].tolist()
    [0.1, 9.0]
    """

    settings: Mapping[str, Column]
    start: npt.NDArray[np.float64]
    curve: npt.NDArray[np.float64]
    diverged: npt.NDArray[np.bool_]
    diverged_above: float
    how: tuple[str, ...]
    unit: str = ""

    def __post_init__(self) -> None:
        runs = len(self.start)
        if self.curve.ndim != 2 or not self.curve.size:
            raise BadInputError(
                f"The curves have shape {self.curve.shape}; expected (runs, epochs), neither 0."
            )
        columns = {**self.settings, "curve": self.curve[:, 0], "diverged": self.diverged}
        for name, column in columns.items():
            if column.shape != (runs,):
                raise BadInputError(
                    f"The column {name!r} has shape {column.shape}, but there are {runs} runs."
                )

    def __repr__(self) -> str:
        sizes = [f"{len(np.unique(column))} {name}" for name, column in self.settings.items()]
        runs, epochs = self.curve.shape
        return (
            f"Sweep({runs} runs: {' × '.join(sizes)}; {epochs} epochs, "
            f"{int(self.diverged.sum())} diverged)"
        )

    @property
    def loss(self) -> npt.NDArray[np.float64]:
        """The loss at the end, the mean over the last epoch, shape (runs,)."""
        return self.curve[:, -1]

    def runs(self, where: Mapping[str, object] | None = None) -> npt.NDArray[np.bool_]:
        """Which runs have these settings, shape (runs,).

        Args:
            where: Setting to value, such as ``{"depth": 3}``; None asks for all runs.

        Raises:
            UnknownNameError: There is no such setting.
            BadInputError: No run has that value.
        """
        chosen = np.ones(len(self.start), dtype=np.bool_)
        for name, value in (where or {}).items():
            column = self._column(name)
            if value not in column.tolist():
                raise BadInputError(f"No run has {name} {value!r}. There are: {_listed(column)}.")
            chosen &= column == value
        return chosen

    def table(
        self, *, x: str = "lr", y: str | None = None, where: Mapping[str, object] | None = None
    ) -> SweepTable:
        """The final losses over one or two settings, the median over seeds.

        Args:
            x: The setting along the columns.
            y: The setting along the rows; None makes one row.
            where: What the other settings must be, where they vary: ``{"depth": 3}``.

        Raises:
            UnknownNameError: There is no such setting.
            BadInputError: Another setting varies too, or a value is not there.
        """
        chosen, along = self.runs(where), self._column(x)
        across = None if y is None else self._column(y)
        self._check_rest(chosen, {x, y, "seed"})
        columns = _ordered(along[chosen])
        rows = np.array([""]) if across is None else _ordered(across[chosen])
        loss = np.full((len(rows), len(columns)), np.nan)
        diverged = np.full_like(loss, np.nan)
        for cell in np.ndindex(*loss.shape):
            here = chosen & (along == columns[cell[1]])
            if across is not None:
                here &= across == rows[cell[0]]
            if here.any():
                finals = np.where(self.diverged, np.inf, self.loss)[here]
                loss[cell], diverged[cell] = _median(finals), self.diverged[here].mean()
        return SweepTable(
            x_name=x, y_name=y or "", x=columns, y=rows, loss=loss, diverged=diverged
        )  # fmt: skip

    def to_json(self) -> str:
        """The sweep as JSON text; losses that are not finite are kept, as strings."""
        body = {
            "schema": SCHEMA,
            "version": VERSION,
            "settings": {name: column.tolist() for name, column in self.settings.items()},
            "start": [_plain(value) for value in self.start.tolist()],
            "curve": [[_plain(value) for value in run] for run in self.curve.tolist()],
            "diverged": self.diverged.tolist(),
            "diverged_above": _plain(self.diverged_above),
            "how": list(self.how),
            "unit": self.unit,
        }
        return json.dumps(body, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadInputError: The text is cut off, is no sweep, or is of a newer version.
        """
        body = _parse(text)
        try:
            return cls(
                settings={name: _setting(values) for name, values in body["settings"].items()},
                start=_floats(body["start"]),
                curve=np.stack([_floats(run) for run in body["curve"]]),
                diverged=_flags(body["diverged"]),
                diverged_above=float(body["diverged_above"]),
                how=tuple(_text(sentence) for sentence in body["how"]),
                unit=_text(body["unit"]),
            )
        except DAMAGE as error:
            raise BadInputError(
                f"This sweep is damaged: {error}. Run it again, or take a fresh copy."
            ) from error

    def save(self, path: str | Path) -> Path:
        """Write the sweep to a file; a crash leaves the old file or the new one, whole."""
        return write_atomically(Path(path), self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a sweep from a file that `save` wrote.

        Raises:
            BadInputError: There is no such file, or it holds no whole sweep.
        """
        path = Path(path)
        if not path.is_file():
            raise BadInputError(f"There is no file {str(path)!r}. Give the path of a saved sweep.")
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise BadInputError(f"{path.name} is not text, so it is not a sweep.") from error
        except BadInputError as error:
            raise BadInputError(f"{path.name}: {error}") from error

    def _column(self, name: str) -> Column:
        """The values of one setting, shape (runs,)."""
        if name not in self.settings:
            raise unknown("setting", name, self.settings, see="See result.settings.")
        return self.settings[name]

    def _check_rest(self, chosen: npt.NDArray[np.bool_], shown: set[str | None]) -> None:
        """Refuse to mix runs that differ in a setting which is not shown."""
        for name, column in self.settings.items():
            values = _ordered(column[chosen]).tolist()
            if name not in shown and len(values) > 1:
                raise BadInputError(
                    f"{name} varies too: {_listed(column[chosen])}. Show it as x or y, or pick "
                    f"one value: where={{{name!r}: {values[0]!r}}}."
                )


def _ordered(column: Column) -> Column:
    """The distinct values: numbers ascending, text in order of appearance."""
    values, first = np.unique(column, return_index=True)
    return column[np.sort(first)] if column.dtype.kind == "U" else values


def _listed(column: Column) -> str:
    """The distinct values in words, the first few of many."""
    values = [str(value) for value in _ordered(column).tolist()]
    more = f" and {len(values) - _MOST_LISTED} more" if len(values) > _MOST_LISTED else ""
    return ", ".join(values[:_MOST_LISTED]) + more


def _median(values: npt.NDArray[np.float64]) -> float:
    """The median, where infinity is a value like others: between 1 and infinity is infinity."""
    middle = np.sort(values)[[(len(values) - 1) // 2, len(values) // 2]]
    return float(middle.mean())


def _plain(value: float) -> float | str:
    """JSON has no NaN and no infinity: they travel as words."""
    return value if math.isfinite(value) else str(value)


def _floats(values: list[float | str]) -> npt.NDArray[np.float64]:
    """The inverse of `_plain` over a list."""
    return np.array([float(value) for value in values], dtype=np.float64)


def _flags(values: list[bool]) -> npt.NDArray[np.bool_]:
    """A list of true and false, and nothing else."""
    if not all(isinstance(value, bool) for value in values):
        raise ValueError("a flag is neither true nor false")
    return np.array(values, dtype=np.bool_)


def _text(value: object) -> str:
    """A string, and nothing else."""
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is not text")
    return value


def _setting(values: list[Any]) -> Column:
    """One value a run: numbers, or text."""
    column = np.array(values)
    if column.dtype.kind not in "bifU":
        raise ValueError("a setting is neither a number nor text")
    return column


def _parse(text: str) -> dict[str, Any]:
    """The JSON body of a sweep, once it is known to be one that this version reads."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            f"The text is cut off or is not JSON ({error}). Save the sweep again with "
            "result.save(path)."
        ) from error
    return checked(body, schema=SCHEMA, version=VERSION, what="sweep", by="result.save")
