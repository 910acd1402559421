"""A record as a compressed ``.npz``: small, exact to the bit, and told apart when damaged.

Any numpy reads it. ``header`` is a record's JSON as bytes; each of its series names the arrays
that hold its values and its steps, since many quantities are read at the same steps.
"""

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from coursekit.errors import BadInputError
from coursekit.records.head import DAMAGE, Parts, damaged, head_of, parts_of, read_head, strings
from coursekit.records.series import Series

if TYPE_CHECKING:
    from coursekit.records.record import Record

HEADER = "header"


def to_bytes(record: "Record") -> bytes:
    """The record as the content of a ``.npz`` file; the same record gives the same bytes."""
    arrays: dict[str, Any] = {}
    steps: dict[bytes, str] = {}
    items = {}
    for number, (name, series) in enumerate(record.series.items()):
        at = np.asarray(series.steps, dtype="<i8")
        arrays[f"values_{number}"] = np.asarray(series.values, dtype="<f8")
        known = steps.setdefault(at.tobytes(), f"steps_{len(steps)}")
        arrays[known] = at
        items[name] = {
            "values": f"values_{number}",
            "steps": known,
            "labels": list(series.labels),
            "unit": series.unit,
        }
    arrays[HEADER] = np.frombuffer(head_of(record, items).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def from_bytes(content: bytes) -> Parts:
    """Read what `to_bytes` wrote.

    Raises:
        BadInputError: The file is cut off, damaged, not a record, or of a newer version.
    """
    arrays = _unpack(content)
    if HEADER not in arrays or arrays[HEADER].dtype != np.uint8:
        raise BadInputError(
            "This is a .npz file, but not a coursekit record. Use record.save(path)."
        )
    body = read_head(arrays[HEADER].tobytes().decode(errors="replace"))
    try:
        series = {name: _series(item, arrays) for name, item in body["series"].items()}
        return parts_of(body, series)
    except DAMAGE as error:
        raise damaged(error) from error


def _unpack(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a ``.npz``, no pickles among them.

    Each member is read to its end, which is where `zipfile` compares its checksum.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                name.removesuffix(".npy"): npy.read_array(io.BytesIO(archive.read(name)))
                for name in archive.namelist()
            }
    except Exception as error:  # zipfile, zlib, lzma and numpy each raise their own
        raise BadInputError(
            f"The file is cut off, damaged, or not a .npz file of numbers ({error}). "
            "Take a fresh copy, or save the record again with record.save(path)."
        ) from error


def _series(item: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Series:
    """One series, from the arrays that it names."""
    steps, values = arrays[item["steps"]], arrays[item["values"]]
    if steps.dtype.kind != "i" or steps.ndim != 1 or values.dtype.kind != "f":
        raise ValueError(f"steps are {steps.dtype}, values {values.dtype}")
    (unit,) = strings([item["unit"]])
    return Series(
        steps=steps.astype(np.int64, copy=False),
        values=values.astype(np.float64, copy=False),
        labels=strings(item["labels"]),
        unit=unit,
    )
