"""What must hold for a stored notebook: each rule returns one sentence for each fault."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from coursekit.grading.course import STUB
from nbtools.clean import WIDGET_VIEW
from nbtools.images import PNG, pictures
from nbtools.source import KERNEL, parse, tags
from nbtools.targets import ROOT

Rule = Callable[[NotebookNode], list[str]]

MAX_BYTES = 400_000
# An address in memory, or a path of the machine that built the notebook.
_UNSTABLE = re.compile(
    rf"{re.escape(str(ROOT))}|\b0x[0-9a-fA-F]{{6,}}\b"
    r"|/tmp/|/home/|/Users/|/root/|[A-Z]:\\\\?Users|site-packages|ipykernel_\d"
)
_IGNORED = ("NBVAL_IGNORE_OUTPUT", "PYTEST_VALIDATE_IGNORE_OUTPUT")
_SKIPPED = "NBVAL_SKIP"


def unexecuted(notebook: NotebookNode) -> list[str]:
    """Code cells that did not run, or not in their order: nbval would compare nothing there."""
    faults = []
    expected = 1
    for number, cell in _code(notebook):
        if cell.execution_count != expected:
            faults.append(
                f"Cell {number} has run number {cell.execution_count}, not {expected}: build again."
            )
        expected += 1
    return faults


def noisy(notebook: NotebookNode) -> list[str]:
    """Warnings and other output on stderr, unless the cell's tag ``stderr-expected`` says so."""
    return [
        f"Cell {number} writes to stderr: {output.text.strip()[-300:]!r}."
        for number, cell in _code(notebook)
        for output in cell.outputs
        if output.get("name") == "stderr" and "stderr-expected" not in tags(cell)
    ]


def unexpected_errors(notebook: NotebookNode) -> list[str]:
    """Cells that raised and whose tags do not say that they do."""
    return [
        f"Cell {number} raised {output.ename}: {output.evalue}."
        for number, cell in _code(notebook)
        for output in cell.outputs
        if output.output_type == "error" and "raises-exception" not in tags(cell)
    ]


def widget_state(notebook: NotebookNode) -> list[str]:
    """What is left of widgets, and widgets that show nothing without a kernel."""
    faults = []
    if "widgets" in notebook.metadata:
        faults.append("The notebook stores the state of widgets (metadata.widgets).")
    for number, cell in _code(notebook):
        for output in cell.outputs:
            data = output.get("data", {"text/plain": ""})
            if WIDGET_VIEW in data:
                faults.append(f"Cell {number} stores a widget view, which only a kernel can show.")
            elif not data:
                faults.append(f"Cell {number} shows a widget that has no text/plain to stand in.")
    return faults


def unstable(notebook: NotebookNode) -> list[str]:
    """Outputs that another machine or another run would give differently."""
    faults = [
        f"Cell {number} shows {found.group()!r}, which will not repeat."
        for number, cell in _code(notebook)
        for output in cell.outputs
        for text in _output_texts(output)
        if (found := _UNSTABLE.search(text))
    ]
    if any(str(place) in str(notebook.metadata) for place in (ROOT, Path.home())):
        faults.append("The notebook's metadata holds a path of this machine.")
    return faults


def undescribed(notebook: NotebookNode) -> list[str]:
    """Pictures without a text."""
    return [
        f"Cell {index + 1} shows a picture, and the next cell does not start with '**Figure.**' "
        "and a sentence that says what the picture shows."
        for index, output in pictures(notebook)
        if not output.metadata.get(PNG, {}).get("alt")
    ]


def unchecked(notebook: NotebookNode) -> list[str]:
    """Cells that nbval skips, or whose output it ignores although they assert nothing."""
    faults = []
    for number, cell in _code(notebook):
        marks = {line.strip().lstrip("#").strip() for line in cell.source.splitlines()}
        marks |= {tag.upper().replace("-", "_") for tag in tags(cell)}
        if _SKIPPED in marks:
            faults.append(f"Cell {number} is skipped by nbval: no cell may be.")
        if marks.intersection(_IGNORED) and not _asserts(cell.source):
            faults.append(f"Cell {number} has its output ignored and asserts nothing.")
    return faults


def wrong_kernel(notebook: NotebookNode) -> list[str]:
    """A kernel that another machine would not have under that name, or a Python version."""
    faults = []
    if notebook.metadata.get("kernelspec") != KERNEL:
        faults.append(f"The kernel is {notebook.metadata.get('kernelspec')}, not {KERNEL}.")
    if "version" in notebook.metadata.get("language_info", {}):
        faults.append("The notebook stores the version of Python (language_info.version).")
    return faults


def too_large(size: int) -> list[str]:
    """A file that GitHub and a slow line will not show.

    >>> too_large(500_000)
    ['The file has 500 kB; at most 400 kB. Draw fewer or smaller pictures.']
    """
    if size <= MAX_BYTES:
        return []
    return [f"The file has {size // 1000} kB; at most {MAX_BYTES // 1000} kB. "
            "Draw fewer or smaller pictures."]  # fmt: skip


def blanks(exercise: NotebookNode, answers: int) -> list[str]:
    """Where an exercise raises, against where it should: in every check, and nowhere else.

    Args:
        exercise: The executed exercise.
        answers: How many pieces of code were taken out of the solution.
    """
    declared = {number for number, cell in _code(exercise) if "check" in tags(cell)}
    raised = {
        number
        for number, cell in _code(exercise)
        if any(output.get("ename") == "NotAnswered" for output in cell.outputs)
    }
    stubs = sum(cell.source.count(STUB) for _, cell in _code(exercise))
    faults = [f"Check cell {n} does not raise NotAnswered." for n in sorted(declared - raised)]
    faults += [f"Cell {n} raised, and is not a check cell." for n in sorted(raised - declared)]
    if stubs != answers or not declared:
        faults.append(f"{answers} answers, {stubs} blanks and {len(declared)} check cells.")
    return faults


ALWAYS: tuple[Rule, ...] = (
    unexecuted, noisy, unexpected_errors, widget_state, unstable, undescribed, unchecked,
    wrong_kernel,
)  # fmt: skip


def _code(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """The code cells with their numbers, counted from 1 over all cells."""
    cells = enumerate(notebook.cells, start=1)
    return [(number, cell) for number, cell in cells if cell.cell_type == "code"]


def _output_texts(output: NotebookNode) -> list[str]:
    """The texts of an output; pictures are left out."""
    data = output.get("data", {})
    texts = [str(value) for kind, value in data.items() if not kind.startswith("image/")]
    return [*texts, output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]


def _asserts(source: str) -> bool:
    """Whether a cell holds an assert statement."""
    return any(isinstance(node, ast.Assert) for node in ast.walk(parse(source)))
