"""Record: the vital signs of one training run, as plain numpy. No torch and no keras here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError, unknown, wrapped
from coursekit.records.atomic import write_atomically
from coursekit.records.binary import from_bytes, to_bytes
from coursekit.records.head import Parts
from coursekit.records.page import to_html
from coursekit.records.quantities import QUANTITIES
from coursekit.records.series import Framework, Series
from coursekit.records.table import to_frame
from coursekit.records.text import from_text, to_text

TEXT, BINARY = ".json", ".npz"


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
    >>> list(record), record["loss"].values.tolist()
    (['loss'], [1.1, 0.9])
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

    def __iter__(self) -> Iterator[str]:
        return iter(self.series)

    def __repr__(self) -> str:
        names, steps = ", ".join(self.series), "step" if self.step_count == 1 else "steps"
        return wrapped(f"Record({self.framework}, {self.step_count} {steps}: {names})")

    def _repr_html_(self) -> str:
        """What Jupyter shows: one row a quantity with a small picture, the notes folded.

        It follows the theme of the page, runs no script and fetches nothing.
        """
        return to_html(self)

    @property
    def step_count(self) -> int:
        """Steps from the start of the run to the last reading; 0 where nothing was read.

        What a recording reads around a step shows that this step was made. A number of the user's
        own, such as a ``val_loss``, stands at the steps made before it.
        """
        last = [
            int(item.steps[-1]) + (name in QUANTITIES)
            for name, item in self.series.items()
            if len(item.steps)
        ]
        return max(last, default=0)

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
        return to_text(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            BadInputError: The text is cut off, is not a record, or is of a newer version.
        """
        return cls(**from_text(text))

    def to_pandas(self) -> Any:
        """The record as one ``pandas.DataFrame``.

        Returns:
            A row a step (index ``step``) and a column a reading (columns ``quantity`` and
            ``label``; the label of a single number is ""), so that ``frame["loss"]`` is a series
            and ``frame["gradient_norm"]`` a frame with a column a layer. NaN where a quantity was
            not read at a step. A step that was read twice has two rows.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        return to_frame(self.series)

    def save(self, path: str | Path) -> Path:
        """Write the record to a file; a crash leaves the old file or the new one, whole.

        Args:
            path: Its ending says how: ``.json`` is text that anything reads, ``.npz`` is compact
                and tells when it was damaged. Both keep every bit of every reading.

        Raises:
            BadInputError: The path has another ending.
        """
        path = Path(path)
        content = to_text(self) if _form(path) == TEXT else to_bytes(self)
        return write_atomically(path, content)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a record from a file that `save` wrote.

        Raises:
            BadInputError: There is no such file, or it is cut off, damaged, of something else
                or of a newer coursekit.
        """
        path = Path(path)
        form = _form(path)
        if not path.is_file():
            raise BadInputError(f"There is no file {str(path)!r}. Give the path of a saved record.")
        try:
            return cls(**_read(path.read_bytes(), form))
        except UnicodeDecodeError as error:
            raise BadInputError(f"{path.name} is not text, so it is not a record.") from error
        except BadInputError as error:
            raise BadInputError(f"{path.name}: {error}") from error


def _form(path: Path) -> str:
    """How a file is written, by its ending."""
    ending = path.suffix.lower()
    if ending not in (TEXT, BINARY):
        raise BadInputError(
            f"A record is kept as {TEXT!r} or {BINARY!r}, but the path is {path.name!r}. "
            "Give it one of these endings."
        )
    return ending


def _read(content: bytes, form: str) -> Parts:
    """The parts of a record in one of the two forms."""
    return from_text(content.decode()) if form == TEXT else from_bytes(content)
