"""What must hold for the plan of a lesson: its sections, their minutes, its predictions."""

import ast
from dataclasses import dataclass
from itertools import pairwise

from nbformat import NotebookNode

from nbtools.source import parse, tags
from nbtools.targets import Kind

EXERCISE_MINUTES = 20
LESSON_MINUTES = 30
START_MINUTES = 10


@dataclass(frozen=True, kw_only=True)
class Section:
    """What stands under one level-2 heading.

    Attributes:
        title: The heading.
        heading: Its cell.
        cells: The cells after it, up to the next heading.
    """

    title: str
    heading: NotebookNode
    cells: tuple[NotebookNode, ...]


def sections(notebook: NotebookNode) -> list[Section]:
    """The sections of a notebook, in order; what stands before the first is in none."""
    starts = [i for i, cell in enumerate(notebook.cells) if _is_heading(cell)]
    return [
        Section(
            title=notebook.cells[start].source.splitlines()[0].removeprefix("## ").strip(),
            heading=notebook.cells[start],
            cells=tuple(notebook.cells[start + 1 : end]),
        )
        for start, end in pairwise([*starts, len(notebook.cells)])
    ]


def plan(notebook: NotebookNode, kind: Kind, name: str) -> list[str]:
    """Sections without minutes, too many minutes, headings and set-up cells out of place."""
    parts = sections(notebook)
    faults = [
        f"Section {part.title!r} states no minutes in its heading's metadata."
        for part in parts
        if not _minutes(part) > 0
    ]
    if not parts:
        faults.append("There is no section: no cell starts with '## '.")
    total = sum(_minutes(part) for part in parts if "optional" not in tags(part.heading))
    most = _limit(kind, name)
    if total > most or (most == START_MINUTES and total == most):
        faults.append(f"The sections take {total:g} minutes; at most {most}.")
    setups = sum("setup" in tags(cell) for cell in notebook.cells)
    if setups != 1:
        faults.append(f"{setups} cells are tagged 'setup'; one must be.")
    return faults + _buried_headings(notebook)


def shown_too_early(notebook: NotebookNode) -> list[str]:
    """Stored outputs that a reader would see before having predicted anything."""
    faults = []
    asked = False
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        asks = _asks(cell.source)
        after = "after-prediction" in tags(cell) or (asked and cell.outputs and not asks)
        if after and cell.metadata.get("jupyter", {}).get("outputs_hidden") is not True:
            faults.append(f"Cell {number} comes after a prediction, and its output is not hidden.")
        asked = asked or asks
    return faults


def _asks(source: str) -> bool:
    """Whether a cell calls ``widgets.predict``."""
    calls = [node for node in ast.walk(parse(source)) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func) == "widgets.predict" for call in calls)


def _is_heading(cell: NotebookNode) -> bool:
    """Whether a section starts with this cell."""
    return bool(cell.cell_type == "markdown" and cell.source.startswith("## "))


def _buried_headings(notebook: NotebookNode) -> list[str]:
    """Level-2 headings inside a cell: the section would not be seen as one."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    lines = [line for text in texts for line in text.splitlines()[1:]]
    return [f"Start a cell with the heading {line!r}." for line in lines if line.startswith("## ")]


def _minutes(part: Section) -> float:
    """The minutes that a section states; 0 where it states none."""
    value = part.heading.metadata.get("minutes", 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _limit(kind: Kind, name: str) -> int:
    """How many minutes a notebook may take."""
    if kind != "lesson":
        return EXERCISE_MINUTES
    return START_MINUTES if name.startswith("00") else LESSON_MINUTES
