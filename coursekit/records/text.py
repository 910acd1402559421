"""A record as JSON text: larger than the binary form, and readable by anything."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from coursekit.records.head import DAMAGE, Parts, damaged, head_of, parts_of, read_head, strings
from coursekit.records.series import Series

if TYPE_CHECKING:
    from coursekit.records.record import Record


def to_text(record: "Record") -> str:
    """The record as JSON; non-finite readings are kept, as strings."""
    return head_of(record, {name: _to_dict(item) for name, item in record.series.items()})


def from_text(text: str) -> Parts:
    """Read what `to_text` wrote.

    Raises:
        BadInputError: The text is cut off, is not a record, or is of a newer version.
    """
    body = read_head(text)
    try:
        return parts_of(body, {name: _from_dict(item) for name, item in body["series"].items()})
    except DAMAGE as error:
        raise damaged(error) from error


def _to_dict(series: Series) -> dict[str, Any]:
    """A series with plain lists, NaN and infinities as strings."""
    return {
        "steps": series.steps.tolist(),
        "values": [_plain(value) for value in series.values.ravel().tolist()],
        "labels": list(series.labels),
        "unit": series.unit,
    }


def _from_dict(item: dict[str, Any]) -> Series:
    """The inverse of `_to_dict`."""
    labels = strings(item["labels"])
    if not all(type(step) is int for step in item["steps"]):
        raise ValueError("a step is not a whole number")
    steps = np.asarray(item["steps"], dtype=np.int64)
    values = np.asarray([float(value) for value in item["values"]], dtype=np.float64)
    shape = (len(steps), len(labels)) if labels else (len(steps),)
    (unit,) = strings([item["unit"]])
    return Series(steps=steps, values=values.reshape(shape), labels=labels, unit=unit)


def _plain(value: float) -> float | str:
    """JSON has no NaN and no infinity: they travel as words."""
    return value if math.isfinite(value) else str(value)
