"""A record as one pandas data frame."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from coursekit._optional import require
from coursekit.records.series import Series

Row = tuple[int, int]


def to_frame(series: Mapping[str, Series]) -> Any:
    """All series side by side: see `Record.to_pandas`."""
    pandas = require("pandas", extra="pandas", purpose="Data frames")
    rows = {name: _rows(item.steps) for name, item in series.items()}
    every = sorted({row for mine in rows.values() for row in mine})
    place = {row: number for number, row in enumerate(every)}
    columns = [(name, label) for name, item in series.items() for label in item.labels or ("",)]
    cells = np.full((len(every), len(columns)), np.nan)
    start = 0
    for name, item in series.items():
        width = len(item.labels) or 1
        mine = [place[row] for row in rows[name]]
        cells[mine, start : start + width] = item.values.reshape(len(mine), width)
        start += width
    return pandas.DataFrame(
        cells,
        index=pandas.Index([step for step, _ in every], name="step", dtype="int64"),
        columns=pandas.MultiIndex.from_arrays(
            [[name for name, _ in columns], [label for _, label in columns]],
            names=["quantity", "label"],
        ),
    )


def _rows(steps: npt.NDArray[np.int64]) -> list[Row]:
    """Step and how often it came before: two readings of one step are two rows."""
    seen: Counter[int] = Counter()
    rows = []
    for step in steps.tolist():
        rows.append((step, seen[step]))
        seen[step] += 1
    return rows
