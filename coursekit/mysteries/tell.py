"""How a case is recognised: one reading of what is shown, and a limit."""

import math
from dataclasses import dataclass
from typing import Literal

from coursekit.mysteries.readings import Reading
from coursekit.mysteries.sheet import Sheet


@dataclass(frozen=True, kw_only=True, eq=False)
class Tell:
    """How a case is recognised.

    Attributes:
        case: Its name in the catalogue.
        cause: The answer.
        reading: The number that decides.
        limit: A healthy run lies on the other side of it.
        side: On which side a broken run lies.
        why: What the number says, in a sentence.
        lost: Whether a reading that is not a number is that of a broken run.
    """

    case: str
    cause: str
    reading: Reading
    limit: float
    side: Literal["above", "below"]
    why: str
    lost: bool = False

    def met(self, sheet: Sheet) -> bool:
        """Whether the reading of a run lies where a broken run's does."""
        value = self.reading.of(sheet)
        if not math.isfinite(value):
            return self.lost and not math.isnan(value)
        return value > self.limit if self.side == "above" else value < self.limit
