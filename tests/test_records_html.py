"""What Jupyter shows of a record: read back with parsers, not matched as text."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from coursekit.records import Record, Series
from coursekit.records.sparkline import HEIGHT, LINES, POINTS, WIDTH, sparkline

SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)
VOID = {"br", "hr", "img", "path"}


class Page(HTMLParser):
    """The elements, the rows of the table and the text of a page; tags must be balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [f"{name}={value}" for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def of(**series: Series) -> Record:
    """A record of these series."""
    return Record(series=series, layers=("0", "2"), framework="torch")


def line(*values: float) -> Series:
    """A series of single numbers at steps 0, 1, …"""
    return Series(steps=np.arange(len(values)), values=np.array(values, dtype=np.float64))


def strokes(series: Series) -> list[str]:
    """The path data of a sparkline, the ticks apart."""
    root = ET.fromstring(sparkline(series, text="."))
    return [path.attrib["d"] for path in root if path.get("class") != "lost"]


def ticks(series: Series) -> list[int]:
    """Where the ticks of a sparkline stand."""
    root = ET.fromstring(sparkline(series, text="."))
    lost = [path.attrib["d"] for path in root if path.get("class") == "lost"]
    return [int(x) for x in re.findall(r"M(\d+) 0v8", "".join(lost))]


def points(path: str) -> list[tuple[int, int]]:
    """The corners of a line."""
    return [(int(x), int(y)) for x, y in re.findall(r"[ML](\d+) (\d+)", path)]


def test_a_row_by_hand() -> None:
    """Unit, first, last, smallest, largest, not finite, readings, labels."""
    steps = np.arange(3)
    record = of(
        loss=Series(steps=steps, values=np.array([2.0, 0.5, np.nan]), unit="nat"),
        gradient_norm=Series(
            steps=steps, labels=("0", "2"), values=np.array([[1, 3], [9, -4], [2, np.inf]])
        ),
        never=Series(steps=np.array([], np.int64), values=np.array([])),
    )  # fmt: skip
    heads, *rows = Page(record._repr_html_()).rows
    assert len(heads) == len(rows[0]) == 10
    assert [[row[0], *row[2:]] for row in rows] == [
        ["loss", "nat", "2", "nan", "0.5", "2", "1", "3", "–"],
        ["gradient_norm", "", "1 … 3", "2 … inf", "-4", "9", "1", "3", "2"],
        ["never", "", "–", "–", "–", "–", "0", "0", "–"],
    ]


def test_everything_that_a_user_names_is_escaped() -> None:
    """Quantity, unit, layer and note, each an attempt to run something."""
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    series = Series(steps=np.arange(2), values=np.ones((2, 1)), labels=(attack,), unit=attack)
    record = Record(series={attack: series}, layers=(attack,), framework="torch", notes=(attack,))
    page = Page(record._repr_html_())
    assert set(page.tags) == {
        "div", "style", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "svg", "path",
        "details", "summary", "ul", "li",
    }  # fmt: skip
    assert not [item for item in page.attributes if item.startswith(("on", "src", "href", "style"))]
    assert page.rows[1][::2][:2] == [attack, attack]
    assert attack in page.words


def test_nothing_is_fetched() -> None:
    """No address, no import and no url() in the style or the pictures."""
    html = of(loss=line(1, 2))._repr_html_()
    assert not re.search(r"https?:|//|url\(|@import|xlink|<script", html)


def test_pictures_have_a_text_in_their_place() -> None:
    """For a screen reader: a role, and what the line does."""
    picture = SVG.findall(of(loss=line(4, np.inf, 1))._repr_html_())[0]
    root = ET.fromstring(picture)
    assert root.attrib["role"] == "img"
    assert (
        root.attrib["aria-label"] == "loss, 3 readings: from 4 to 1, between 1 and 4, 1 not finite."
    )


def test_a_line_from_corner_to_corner() -> None:
    """Falling by equal steps: left top, the middle, right bottom."""
    assert [points(path) for path in strokes(line(3, 2, 1))] == [
        [(4, 4), (WIDTH // 2, HEIGHT // 2), (WIDTH - 4, HEIGHT - 4)]
    ]


def test_a_line_that_does_not_change_is_in_the_middle() -> None:
    assert points(strokes(line(7, 7))[0]) == [(4, HEIGHT // 2), (WIDTH - 4, HEIGHT // 2)]


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_a_line_breaks_where_it_is_not_finite(lost: float) -> None:
    """Two strokes and a lone dot, a tick above each gap; the scale is that of the finite ones."""
    series = line(1, 2, lost, 1, lost, 2, 2)
    assert strokes(series)[0].count("M") == 3
    assert strokes(series)[0].count("h0") == 1
    assert ticks(series) == [4 + round(192 * 2 / 6), 4 + round(192 * 4 / 6)]
    assert {y for _, y in points(strokes(series)[0])} == {4, HEIGHT - 4}


def test_nothing_finite_is_ticks_alone() -> None:
    assert strokes(line(np.nan, np.nan)) == []
    assert ticks(line(np.nan, np.nan)) == [4, WIDTH - 4]


def test_a_single_reading_is_a_dot_and_none_is_nothing() -> None:
    assert strokes(line(3)) == [f"M{WIDTH // 2} {HEIGHT // 2}h0"]
    assert sparkline(line(), text=".") == ""


def test_the_largest_range_there_is_does_not_overflow() -> None:
    """Its width is not a float64; warnings are errors here."""
    top = float(np.finfo(np.float64).max)
    assert [y for _, y in points(strokes(line(-top, 0, top))[0])] == [HEIGHT - 4, HEIGHT // 2, 4]
    of(loss=line(-top, top, 5e-324))._repr_html_()


def test_a_spike_in_a_long_run_is_not_lost() -> None:
    """One reading of 100,000 reaches the top, one the bottom, one is not finite; few are drawn."""
    values = np.zeros(100_000)
    values[[31_337, 70_001, 55_555]] = 5.0, -5.0, np.nan
    (path,) = strokes(line(*values))
    assert {4, HEIGHT // 2, HEIGHT - 4} == {y for _, y in points(path)}
    assert len(points(path)) <= 1.5 * POINTS + 2
    assert ticks(line(*values)) == [4 + round(192 * 55_555 / 99_999)]


def test_a_large_record_stays_small_and_says_what_it_left_out() -> None:
    """300 layers and 100 readings of eight quantities are 1.9 MB as numbers."""
    rng, labels = np.random.default_rng(0), tuple(f"layers.{n}.attention" for n in range(300))
    table = Series(steps=np.arange(100), values=rng.normal(size=(100, 300)), labels=labels)
    page = of(**{f"q{n}": table for n in range(8)})._repr_html_()
    assert len(page) < 40_000
    assert [len(list(ET.fromstring(svg))) for svg in SVG.findall(page)] == [LINES] * 8
    assert f"At most {LINES} of the labels are drawn" in "".join(Page(page).words)


def test_the_lines_drawn_reach_from_the_first_label_to_the_last() -> None:
    """Each label is constant at its own number; the scale shows which were taken."""
    table = np.tile(np.arange(11.0), (2, 1))
    series = Series(steps=np.arange(2), values=table, labels=tuple(map(str, range(11))))
    heights = [points(path)[0][1] for path in strokes(series)]
    assert heights == [4 + round(32 * (1 - n / 10)) for n in (0, 2, 4, 6, 8, 10)]


def test_very_many_quantities_are_counted_not_shown() -> None:
    page = Page(of(**{f"q{n}": line(1) for n in range(75)})._repr_html_())
    assert len(page.rows) == 1 + 60
    assert "15 more quantities are in record.series." in "".join(page.words)


def test_notes_are_folded_and_there_are_none_without_notes() -> None:
    record = Record(series={}, layers=(), framework="keras", notes=("One.", "Two."))
    page = Page(record._repr_html_())
    assert page.tags.count("li") == 2
    assert "2 notes on this record" in page.words
    assert "details" not in Page(of()._repr_html_()).tags
    assert "keras, 0 steps, 0 layers, 0 quantities" in "".join(page.words)
