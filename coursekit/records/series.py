"""Series: the readings of one quantity."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from coursekit.errors import BadInputError, unknown

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
