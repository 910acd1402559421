"""Numbers in the text of a lesson that no code cell of it computes, states or prints."""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_WORDS = {word: float(value) for value, word in enumerate(_UNITS.split())} | {
    "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0,
    "ninety": 90.0, "hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9,
}  # fmt: skip
SMALL = 3  # "two panels", "three documents": counts that a reader sees on the page
_NUMBER = re.compile(r"(?<![\w.])\d[\d,_]*(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")
_IN_CODE = re.compile(r"\d[\d,_]*(?:\.\d+)?(?:e[-+]?\d+)?")
_POWER = re.compile(r"10\^-?(\d+)")
_SPELLED = re.compile(rf"\b({'|'.join(_WORDS)})\b", re.IGNORECASE)
# What is no measurement: code, addresses, tags, other lessons, years, times, places in a list.
_NO_CLAIM = re.compile(
    r"```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]*>|[Ll]essons? \d\d(?:(?:, | and |–)\d\d)*"
    r"|\b(?:19|20)\d\d\b|\b[\w-]+ minutes?\b|^\s*\d+\. |^# \d\d|\b0\d\b|\[\d\d\]",
    re.DOTALL | re.MULTILINE,
)


def unproved(notebook: NotebookNode) -> list[str]:
    """Numbers in the text that stand in no code cell and in no output, one sentence each.

    Up to three, a count is taken as what the reader sees. A percentage may be a share times a
    hundred, a power of ten may be printed as ``10^-6``. This finds a number that nothing in the
    notebook knows; whether the right cell knows it is for a reader to see.
    """
    known = set(_computed(notebook))
    return [
        f"Cell {number} says {words!r}, and no code cell computes or prints it."
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "markdown"
        for words, value in _said(cell.source)
        if not _is_count(value) and not known & {value, value / 100}
    ]


def _is_count(value: float) -> bool:
    """Whether it is a whole number so small that a reader counts it on the page."""
    return value <= SMALL and value.is_integer()


def _said(text: str) -> Iterator[tuple[str, float]]:
    """Each number of a text, as it stands there and as a value."""
    bare = _NO_CLAIM.sub(" ", text)
    for found in _NUMBER.finditer(bare):
        yield found[0], _value(found[0])
    for found in _SPELLED.finditer(bare):
        yield found[0], _WORDS[found[0].lower()]


def _computed(notebook: NotebookNode) -> Iterator[float]:
    """Each number in a code cell or in its text output."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for text in (cell.source, *map(_shown, cell.outputs)):
            yield from (_value(found) for found in _IN_CODE.findall(text))
            yield from (10.0 ** int(found) for found in _POWER.findall(text))
            yield from (_WORDS[found.lower()] for found in _SPELLED.findall(text))


def _shown(output: NotebookNode) -> str:
    """The text of an output; nothing where it has none."""
    return str(output.get("text", output.get("data", {}).get("text/plain", "")))


def _value(number: str) -> float:
    """``1,797`` as 1797.0."""
    return float(number.replace(",", "").replace("_", ""))
