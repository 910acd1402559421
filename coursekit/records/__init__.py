"""The vital signs of one run, as plain numpy. No torch and no keras here.

- `Record`, `Series`, `Framework`: ``record`` and ``series``; names of quantities: ``quantities``.
- Kept as text or as a compact file: ``text``, ``binary``; what both check: ``head``.
- Shown in Jupyter: ``page``, ``sparkline``. As a data frame: ``table``.
- `write_atomically`: ``atomic``.
"""

from coursekit.records.atomic import write_atomically
from coursekit.records.head import SCHEMA, VERSION
from coursekit.records.record import Record
from coursekit.records.series import Framework, Series

__all__ = ["SCHEMA", "VERSION", "Framework", "Record", "Series", "write_atomically"]
