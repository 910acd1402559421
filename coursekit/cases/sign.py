"""A vital sign that tells a broken run from a fixed one: which reading to compare."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from coursekit.records import Record

Reading = Literal["first", "last", "highest", "lowest"]


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One number of a record; broken and fixed lie apart in it on every seed.

    Attributes:
        quantity: A quantity of the record: ``"gradient_norm"``. `coursekit.vitals.torch.record`
            lists them; ``coursekit verify --case NAME --signs`` prints those that tell.
        read: ``first`` reading, ``last`` (mean of the last tenth), ``highest`` or ``lowest`` of
            the run.
        layer: Which layer or column; "" takes all of them together (for ``first`` and ``last``
            their mean).

    >>> from coursekit.records import Series
    >>> loss = Series(steps=np.array([0, 1]), values=np.array([1.5, 0.5]), unit="nat")
    >>> record = Record(series={"loss": loss}, layers=(), framework="torch")
    >>> Sign(quantity="loss", read="last").of(record)
    0.5
    """

    quantity: str
    read: Reading = "highest"
    layer: str = ""

    def of(self, record: Record) -> float:
        """The number in this record; infinite where a reading that counts was not finite.

        Raises:
            UnknownNameError: The quantity was not measured, or not in that layer.
        """
        if self.layer:
            values = record.of_layer(self.quantity, self.layer)
        else:
            values = record[self.quantity].values
        values = np.where(np.isnan(values), np.inf, values)  # NaN and inf: worse than any number
        tenth = max(len(values) // 10, 1)
        chosen = {"first": values[:1], "last": values[-tenth:]}.get(self.read, values)
        measure = {"highest": np.max, "lowest": np.min}.get(self.read, np.mean)
        return float(measure(chosen))
