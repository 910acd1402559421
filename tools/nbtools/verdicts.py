"""What a notebook prints must not hang on the arithmetic of the processor."""

from collections.abc import Iterator

from nbformat import NotebookNode

from nbtools.arithmetic import Arithmetic
from nbtools.clean import clean
from nbtools.execute import execute
from nbtools.source import read_notebook, tags
from nbtools.targets import Target

UNCOMPARED = "nbval-ignore-output"


def differing_with(arithmetic: Arithmetic, target: Target) -> list[str]:
    """Run a stored notebook with another arithmetic, and compare.

    Raises:
        CellFailedError: A cell raised.
    """
    notebook = read_notebook(target.path)
    execute(notebook, folder=target.folder, arithmetic=arithmetic)
    clean(notebook)
    return differing(read_notebook(target.path), notebook)


def differing(stored: NotebookNode, other: NotebookNode) -> list[str]:
    """Printed lines that differ between two runs of a notebook, in a word or in a digit.

    Args:
        stored: The notebook as it is stored.
        other: The same notebook, run with another arithmetic.

    Returns:
        One sentence for each such line.
    """
    found = []
    for number, (cell, again) in enumerate(zip(stored.cells, other.cells, strict=True), start=1):
        if UNCOMPARED in tags(cell):
            continue
        before, after = list(_lines(cell)), list(_lines(again))
        if len(before) != len(after):
            found.append(f"Cell {number} printed {len(before)} lines, and now {len(after)}.")
            continue
        found += [
            f"Cell {number} said {one.strip()!r}, and now {two.strip()!r}."
            for one, two in zip(before, after, strict=True)
            if one != two
        ]
    return found


def _lines(cell: NotebookNode) -> Iterator[str]:
    """What a cell printed, and the values that it showed as text."""
    for output in cell.get("outputs", []):
        if output.get("name") == "stdout":
            yield from output.text.splitlines()
        data = output.get("data", {})
        if set(data) == {"text/plain"}:
            yield from data["text/plain"].splitlines()
