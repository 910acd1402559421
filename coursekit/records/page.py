"""A record as a quiet table in Jupyter: it follows the theme, runs nothing, fetches nothing."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from coursekit.records.series import Series
from coursekit.records.sparkline import LINES, Floats, sparkline

if TYPE_CHECKING:
    from coursekit.records.record import Record

ROWS = 60
COLUMNS = (
    "quantity", "course", "unit", "first", "last", "smallest", "largest", "not finite",
    "readings", "labels",
)  # fmt: skip
STYLE = """<style>
.coursekit-record {color: var(--jp-content-font-color1, inherit);}
.coursekit-record .wide {overflow-x: auto;}
.coursekit-record table {border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0;}
.coursekit-record th, .coursekit-record td {text-align: right; padding: .2em .7em;
  white-space: nowrap;}
.coursekit-record thead th {border-bottom: 1px solid var(--jp-border-color1, currentColor);}
.coursekit-record th:first-child, .coursekit-record td:nth-child(3) {text-align: left;}
.coursekit-record p, .coursekit-record details {margin: .5em 0; max-width: 52em;}
.coursekit-record .quiet {color: var(--jp-content-font-color2, inherit);}
.coursekit-record svg {display: block; fill: none; stroke: currentColor; stroke-width: 2.5;
  stroke-linecap: round; stroke-linejoin: round;}
.coursekit-record svg.many {stroke-width: 1.5;}
.coursekit-record svg .lost {stroke: var(--jp-error-color1, #d32f2f); stroke-width: 4;
  stroke-linecap: butt;}
</style>"""


def to_html(record: "Record") -> str:
    """The record as HTML: see `Record._repr_html_`."""
    shown = list(record.series.items())[:ROWS]
    heads = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    return "\n".join(
        [
            '<div class="coursekit-record">',
            STYLE,
            f"<p><strong>Record</strong>: {escape(_summary(record))}</p>",
            '<div class="wide"><table>',
            f"<thead><tr>{heads}</tr></thead>",
            "<tbody>",
            *(_row(name, series) for name, series in shown),
            "</tbody></table></div>",
            f'<p class="quiet">{escape(" ".join(_legend(record, shown)))}</p>',
            _notes(record.notes),
            "</div>",
        ]
    )


def _summary(record: "Record") -> str:
    """One line on the run."""
    counts = [
        _count(record.step_count, "step"),
        _count(len(record.layers), "layer"),
        _count(len(record.series), "quantity"),
    ]
    return ", ".join([record.framework, *counts])


def _row(name: str, series: Series) -> str:
    """One quantity."""
    facts = _facts(series)
    labels = str(len(series.labels)) if series.labels else "–"
    cells = [series.unit, *facts, str(len(series.steps)), labels]
    picture = sparkline(series, text=_alternative(name, series, facts))
    texts = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(name)}</th><td>{picture}</td>{texts}</tr>'


def _facts(series: Series) -> list[str]:
    """First, last, smallest and largest value, and how many are not finite."""
    values = np.asarray(series.values, dtype=np.float64)
    if not values.size:
        return ["–", "–", "–", "–", "0"]
    finite = values[np.isfinite(values)]
    ends = [_range(values[0]), _range(values[-1])]
    extremes = [_number(finite.min()), _number(finite.max())] if finite.size else ["–", "–"]
    return [*ends, *extremes, str(values.size - finite.size)]


def _range(reading: Floats) -> str:
    """A reading: its value, or the lowest and highest over its labels."""
    known = reading[~np.isnan(reading)] if reading.ndim else reading.reshape(1)
    if not known.size:
        return "nan"
    low, high = _number(known.min()), _number(known.max())
    return low if low == high else f"{low} … {high}"


def _number(value: float) -> str:
    """Three digits, which is what a glance takes in."""
    return f"{value:.3g}"


def _alternative(name: str, series: Series, facts: list[str]) -> str:
    """The sparkline in words."""
    first, last, smallest, largest, lost = facts
    text = f"{name}, {_count(len(series.steps), 'reading')}: from {first} to {last}"
    text += f", between {smallest} and {largest}"
    return text + (f", {lost} not finite." if lost != "0" else ".")


def _legend(record: "Record", shown: list[tuple[str, Series]]) -> Iterable[str]:
    """How to read the table, as far as this record needs it."""
    yield "Course: the readings in their order, each row on a scale of its own."
    most = max((len(series.labels) for _, series in shown), default=0)
    if most:
        yield "Several labels: lowest … highest, and one line a label."
    if most > LINES:
        yield f"At most {LINES} of the labels are drawn, spread evenly from the first to the last."
    if any(not np.isfinite(series.values).all() for _, series in shown):
        yield "A tick at the top marks a reading that is not finite."
    if len(shown) < len(record.series):
        yield f"{len(record.series) - len(shown)} more quantities are in record.series."


def _notes(notes: tuple[str, ...]) -> str:
    """What could not be seen, folded."""
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    title = f"{_count(len(notes), 'note')} on this record"
    return f"<details><summary>{title}</summary><ul>{items}</ul></details>"


def _count(number: int, thing: str) -> str:
    """A number of things."""
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else plural}"
