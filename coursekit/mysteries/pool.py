"""The stored runs: one file of arrays, in the order of names that say nothing.

Each run takes the same number of bytes, whatever it shows. Its answer is there as a digest
(`coursekit.mysteries.seals`), and so is the case that it belongs to: a healthy run has one too,
the case whose broken runs have its network and its data.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError, unknown
from coursekit.mysteries.causes import HEALTHY
from coursekit.mysteries.seals import SEAL_BYTES, seal
from coursekit.mysteries.sheet import CURVES, NUMBERS, Sheet
from coursekit.mysteries.tells import TELLS

FILE = Path(__file__).with_name("pool.npz")
SCHEMA, VERSION = "coursekit-mysteries", 1
NAME_LENGTH = 6
SALT_BYTES = 16

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a run is.

    Attributes:
        name: The name of the run in the pool.
        case: The case it belongs to.
        healthy: Whether it is a healthy run with that case's network and data.
    """

    name: str
    case: str
    healthy: bool

    @property
    def cause(self) -> str:
        """The cause of the case, which is not this run's where it is healthy."""
        return TELLS[self.case].cause

    @property
    def answer(self) -> str:
        """What is the matter: a cause, or ``"healthy"``."""
        return HEALTHY if self.healthy else self.cause


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """All stored runs.

    Attributes:
        names: A name for each, in rising order.
        curves: Shape (runs, ``len(CURVES)``, ``POINTS``).
        numbers: Shape (runs, ``len(NUMBERS)``).
        seals: The digests of answer and case, shape (runs, 2, ``SEAL_BYTES``).
        salt: What was mixed into every digest.
    """

    names: tuple[str, ...]
    curves: npt.NDArray[np.float32]
    numbers: npt.NDArray[np.float32]
    seals: Bytes
    salt: bytes

    def sheet(self, name: str) -> Sheet:
        """What is shown of a run."""
        if name not in self.names:
            raise unknown("mystery", name, self.names[:5], see="These are a few of them.")
        place = self.names.index(name)
        return Sheet(curves=self.curves[place], numbers=self.numbers[place])

    def opened(self, name: str) -> Opened:
        """What a run is. Keep it to yourself until the learner has answered."""
        return self._opened[name]

    def __iter__(self) -> Iterator[Opened]:
        return iter(self._opened.values())

    @cached_property
    def _opened(self) -> dict[str, Opened]:
        """All runs, their digests compared with those of every case."""
        return {
            name: self._open(name, *(part.tobytes() for part in seals))
            for name, seals in zip(self.names, self.seals, strict=True)
        }

    def _open(self, name: str, answer: bytes, kin: bytes) -> Opened:
        """One run."""
        for case in TELLS:
            if seal(self.salt, name, case) == kin:
                return Opened(
                    name=name, case=case, healthy=seal(self.salt, name, HEALTHY) == answer
                )
        raise BadInputError(
            f"The mystery {name} is of no case that this coursekit knows. Upgrade coursekit."
        )

    def to_bytes(self) -> bytes:
        """The content of the file; the same runs give the same bytes."""
        head = {
            "schema": SCHEMA, "version": VERSION, "names": self.names, "salt": self.salt.hex(),
            "curves": CURVES, "numbers": NUMBERS,
        }  # fmt: skip
        file = io.BytesIO()
        np.savez(  # not compressed: then every run has the same size
            file, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
            curves=self.curves.astype("<f4"), numbers=self.numbers.astype("<f4"), seals=self.seals,
        )  # fmt: skip
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Pool":
        """Read what `to_bytes` wrote.

        Raises:
            BadInputError: The file is damaged, or of another version.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                parts = dict(arrays)
            head = json.loads(parts.pop("head").tobytes())
            version = head["version"] if head["schema"] == SCHEMA else None
            shown = [head["curves"], head["numbers"]]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise BadInputError(
                f"The file of the mystery runs is damaged ({error}). Install coursekit again."
            ) from error
        if version != VERSION or shown != [list(CURVES), list(NUMBERS)]:
            raise BadInputError(
                "The file of the mystery runs is of another version of coursekit. Install "
                "coursekit again."
            )
        salt = bytes.fromhex(head["salt"])
        return cls(names=tuple(head["names"]), salt=salt, **parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """A run with its answer, before it goes into a pool."""

    sheet: Sheet
    case: str
    healthy: bool


def make_pool(runs: Sequence[Labelled]) -> Pool:
    """Put runs into a pool, their names and order taken from what is shown of them."""
    digests = [hashlib.sha256(_content(run.sheet)).hexdigest() for run in runs]
    names = [digest[:NAME_LENGTH] for digest in digests]
    if len(set(names)) < len(names):
        raise BadInputError("Two runs show the same. Give every run a seed of its own.")
    salt = hashlib.sha256("".join(sorted(digests)).encode()).digest()[:SALT_BYTES]
    order = np.argsort(names)
    sealed = [
        [
            seal(salt, name, HEALTHY if run.healthy else TELLS[run.case].cause),
            seal(salt, name, run.case),
        ]
        for name, run in zip(names, runs, strict=True)
    ]
    seals = np.array([[list(part) for part in pair] for pair in sealed], dtype=np.uint8)
    return Pool(
        names=tuple(sorted(names)),
        curves=_stacked([run.sheet.curves for run in runs])[order],
        numbers=_stacked([run.sheet.numbers for run in runs])[order],
        seals=seals.reshape(len(runs), 2, SEAL_BYTES)[order],
        salt=salt,
    )


def _stacked(arrays: Sequence[Any]) -> npt.NDArray[np.float32]:
    """Arrays of one shape as one array."""
    return np.stack(arrays).astype(np.float32)


def _content(sheet: Sheet) -> bytes:
    """What is shown, as bytes."""
    return sheet.curves.astype("<f4").tobytes() + sheet.numbers.astype("<f4").tobytes()


@cache
def stored() -> Pool:
    """The runs that come with coursekit."""
    return Pool.from_bytes(FILE.read_bytes())
