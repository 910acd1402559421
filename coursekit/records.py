"""Record: the vital signs of one training run, as plain numpy. No torch and no keras here."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError, unknown

SCHEMA = "coursekit-record"
VERSION = 1

Framework = Literal["torch", "keras"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One measured quantity over the steps of a run.

    Attributes:
        steps: Optimizer steps taken before the reading, shape (readings,); 0 is before
            the first update.
        values: The readings, shape (readings,), or (readings, labels) where the quantity
            is measured per layer or per feature.
        labels: What the second axis counts: layer names, feature numbers; else empty.
        unit: The unit of a reading, such as ``"nat"`` for a cross-entropy; "" for a ratio.
    """

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    labels: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        expected = (len(self.steps), len(self.labels)) if self.labels else (len(self.steps),)
        if self.values.shape != expected:
            raise BadInputError(
                f"The values have shape {self.values.shape}, but {len(self.steps)} steps and "
                f"{len(self.labels)} labels need {expected}."
            )

    def of(self, label: str) -> npt.NDArray[np.float64]:
        """The readings of one label, shape (readings,)."""
        if label not in self.labels:
            raise unknown("label", label, self.labels)
        return self.values[:, self.labels.index(label)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """The vital signs of one run.

    Attributes:
        series: Quantity name to its readings, such as ``"loss"`` or ``"gradient_norm"``.
        layers: Names of the layers that were watched, as in ``model.named_modules()``.
        framework: Where the run was made.
        notes: What this record could not see, one sentence each.

    >>> loss = Series(steps=np.array([0, 1]), values=np.array([1.1, 0.9]), unit="nat")
    >>> record = Record(series={"loss": loss}, layers=("0", "2"), framework="torch")
    >>> record
    Record(torch, 2 steps: loss)
    >>> record["loss"].values.tolist()
    [1.1, 0.9]
    >>> Record.from_json(record.to_json())["loss"].unit
    'nat'
    """

    series: Mapping[str, Series]
    layers: tuple[str, ...]
    framework: Framework
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, quantity: str) -> Series:
        if quantity not in self.series:
            raise unknown("quantity", quantity, self.series, see="See record.series.")
        return self.series[quantity]

    def __contains__(self, quantity: object) -> bool:
        return quantity in self.series

    def __repr__(self) -> str:
        last = max((int(s.steps[-1]) for s in self.series.values() if len(s.steps)), default=-1)
        return f"Record({self.framework}, {last + 1} steps: {', '.join(self.series)})"

    def of_layer(self, quantity: str, layer: str) -> npt.NDArray[np.float64]:
        """The readings of one quantity in one layer, shape (readings,).

        Raises:
            UnknownNameError: The quantity was not measured, or not in that layer.
        """
        series = self[quantity]
        if layer not in series.labels:
            raise unknown("layer", layer, series.labels, see="See record.layers.")
        return series.of(layer)

    def to_json(self) -> str:
        """The record as JSON text; non-finite readings are kept, as strings."""
        body = {
            "schema": SCHEMA,
            "version": VERSION,
            "framework": self.framework,
            "layers": list(self.layers),
            "notes": list(self.notes),
            "series": {name: _series_to_dict(series) for name, series in self.series.items()},
        }
        return json.dumps(body, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadInputError: The text is cut off, is not a record, or is of a newer version.
        """
        body = _parse(text)
        try:
            return cls(
                series={name: _series_from_dict(item) for name, item in body["series"].items()},
                layers=tuple(body["layers"]),
                framework=body["framework"],
                notes=tuple(body["notes"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadInputError(
                f"This record is damaged: {error}. Record the run again, or take a fresh copy."
            ) from error

    def save(self, path: str | Path) -> Path:
        """Write the record to a file; a crash leaves the old file or the new one, whole."""
        return write_atomically(Path(path), self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a record from a file that `save` wrote."""
        path = Path(path)
        if not path.is_file():
            raise BadInputError(f"There is no file {str(path)!r}. Give the path of a saved record.")
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise BadInputError(f"{path.name} is not text, so it is not a record.") from error
        except BadInputError as error:
            raise BadInputError(f"{path.name}: {error}") from error


def write_atomically(path: Path, text: str) -> Path:
    """Write text so that a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _parse(text: str) -> dict[str, Any]:
    """The JSON body of a record, once it is known to be one that this version reads."""
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"The text ends or breaks at character {error.pos} of {len(text)}: it is cut off or is "
            "not JSON. Save the record again with record.save(path)."
        ) from error
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise BadInputError("This is JSON, but not a coursekit record. Use record.save(path).")
    version = body.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise BadInputError(
            f"The record has version {version!r}; this coursekit reads up to {VERSION}. "
            "Upgrade coursekit."
        )
    return body


def _series_to_dict(series: Series) -> dict[str, Any]:
    """A series with plain lists, NaN and infinities as strings."""
    return {
        "steps": series.steps.tolist(),
        "values": [_plain(value) for value in series.values.ravel().tolist()],
        "labels": list(series.labels),
        "unit": series.unit,
    }


def _series_from_dict(item: dict[str, Any]) -> Series:
    """The inverse of `_series_to_dict`."""
    labels = tuple(item["labels"])
    steps = np.asarray(item["steps"], dtype=np.int64)
    values = np.asarray([float(value) for value in item["values"]], dtype=np.float64)
    shape = (len(steps), len(labels)) if labels else (len(steps),)
    return Series(steps=steps, values=values.reshape(shape), labels=labels, unit=item["unit"])


def _plain(value: float) -> float | str:
    """JSON has no NaN and no infinity: they travel as words."""
    return value if np.isfinite(value) else str(value)
