"""Build one notebook: read, judge the plan, run, clean, judge, and only then replace the file."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from nbtools import rules
from nbtools.clean import clean
from nbtools.execute import CellFailedError, execute
from nbtools.exercise import leaks
from nbtools.lesson_rules import plan, shown_too_early
from nbtools.prose import unproved
from nbtools.source import BuildError, digest, prepare, read_notebook, tags
from nbtools.targets import Target
from nbtools.verdicts import UNCOMPARED


def is_current(target: Target) -> bool:
    """Whether the notebook was built from its source as that is now."""
    if not target.path.is_file():
        return False
    try:
        notebook = read_notebook(target.path)
    except ValueError:  # cut off, or not a notebook: to be built again
        return False
    return bool(notebook.metadata.get("coursekit", {}).get("sha256") == digest(target.source))


def build(target: Target, *, anew: bool = False) -> str:
    """The text of the notebook file, executed and judged; nothing is written.

    What the source alone can break is said before a cell runs.

    Args:
        target: What to build.
        anew: True also writes what nbval does not compare, such as this machine's memory;
            otherwise a cell that is as it was keeps what is stored of it.

    Raises:
        BuildError: A cell failed, or the source or the result breaks a rule.
    """
    notebook, lines = prepare(target)
    _refuse(target, planned(target, notebook))
    try:
        execute(notebook, folder=target.folder)
    except CellFailedError as failed:
        place = f"{target.source.name}, line {lines[failed.index] + failed.line}"
        raise BuildError(
            f"{target.label}: cell {failed.index + 1} ({place}) failed: {failed.reason}. "
            "The old notebook, if there is one, stays."
        ) from failed
    clean(notebook)
    if not anew and target.path.is_file():
        keep_uncompared(notebook, target.path)
    text = f"{nbformat.writes(notebook)}".rstrip("\n") + "\n"
    _refuse(target, defects(target, notebook, text))
    nbformat.validate(notebook)
    return text


def keep_uncompared(notebook: NotebookNode, path: Path) -> None:
    """Put back the stored outputs that no test compares: anew, they would differ in each commit."""
    try:
        stored = read_notebook(path)
    except ValueError:
        return
    before = {cell.source: cell.outputs for cell in stored.cells if UNCOMPARED in tags(cell)}
    for cell in notebook.cells:
        if UNCOMPARED in tags(cell) and cell.source in before:
            cell.outputs = before[cell.source]


def write(target: Target, text: str) -> None:
    """Replace the notebook file at one stroke."""
    target.path.parent.mkdir(parents=True, exist_ok=True)
    new = target.path.with_name(f".{target.path.name}.new")
    new.write_text(text, encoding="utf-8", newline="\n")
    new.replace(target.path)


def planned(target: Target, notebook: NotebookNode) -> list[str]:
    """Each rule that the source breaks, whatever its cells will print.

    A number of the text waits for the outputs: a cell may print it.
    """
    faults = plan(notebook, target.kind, target.path.stem)
    return faults + (shown_too_early(notebook) if target.kind == "lesson" else [])


def defects(target: Target, notebook: NotebookNode, text: str) -> list[str]:
    """Each rule that the executed notebook breaks, in a sentence."""
    faults = [fault for rule in rules.ALWAYS for fault in rule(notebook)]
    faults += rules.too_large(len(text.encode()))
    faults += planned(target, notebook)
    if target.kind == "lesson":
        faults += unproved(notebook)
    if target.kind == "exercise":
        solution = solution_of(target)
        faults += leaks(solution, notebook) + rules.blanks(notebook, answers(solution))
    return faults


def _refuse(target: Target, faults: list[str]) -> None:
    """Stop where there are faults.

    Raises:
        BuildError: There are; it names each.
    """
    if faults:
        listing = "\n  ".join(faults)
        raise BuildError(f"{target.label} breaks rules; the old file stays.\n  {listing}")


def solution_of(exercise: Target) -> NotebookNode:
    """The solution that an exercise was made of, with its answers and not executed."""
    whole = Target(kind="solution", source=exercise.source, path=_beside(exercise.path))
    return prepare(whole)[0]


def answers(solution: NotebookNode) -> int:
    """How many pieces of code a learner has to write."""
    cells = [cell for cell in solution.cells if cell.cell_type == "code"]
    marked = sum(cell.source.count("BEGIN SOLUTION") for cell in cells)
    whole = sum(
        cell.metadata.get("nbgrader", {}).get("solution", False)
        and "BEGIN SOLUTION" not in cell.source
        for cell in cells
    )
    return int(marked + whole)


def _beside(path: Path) -> Path:
    """The solution's notebook for an exercise's."""
    return path.parents[1] / "solutions" / path.name
