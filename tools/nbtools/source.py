"""From a py:percent text to a notebook that has not run yet."""

import ast
import hashlib
import re
from pathlib import Path

import jupytext
import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from coursekit.errors import CoursekitError
from nbtools.exercise import clear
from nbtools.targets import Target

FORMAT = 1  # raise it where the builder changes what it makes of the same source
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_MARKER = re.compile(r"# %%(\s|$)")


class BuildError(CoursekitError):
    """A notebook that cannot be built: says which cell, which source line and why."""


def digest(source: Path) -> str:
    """What a notebook is compared by, to see whether its source has changed since."""
    text = source.read_text(encoding="utf-8").replace("\r\n", "\n")
    return hashlib.sha256(f"{FORMAT}\n{text}".encode()).hexdigest()


def read_notebook(path: Path) -> NotebookNode:
    """A stored notebook.

    Raises:
        ValueError: The file is cut off, or is no notebook.
    """
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell; none where it has none.

    >>> tags({"metadata": {"tags": ["setup"]}}), tags({"metadata": {}})
    (['setup'], [])
    """
    return list(cell["metadata"].get("tags", []))


def parse(source: str) -> ast.Module:
    """The syntax tree of a cell; magics become the calls that IPython makes of them."""
    manager = TransformerManager()  # type: ignore[no-untyped-call]
    return ast.parse(manager.transform_cell(source))


def prepare(target: Target) -> tuple[NotebookNode, list[int]]:
    """The notebook as it will be executed, and the source line that each cell starts at.

    Raises:
        BuildError: The source cannot be read, or its answers cannot be taken out.
    """
    notebook, lines = _read(target.source)
    other = "solution-only" if target.kind == "exercise" else "exercise-only"
    kept = [pair for pair in zip(notebook.cells, lines, strict=True) if other not in tags(pair[0])]
    notebook.cells = [cell for cell, _ in kept]
    if target.kind == "exercise":
        try:
            notebook = clear(notebook)
        except (RuntimeError, ValueError) as error:
            raise BuildError(f"{target.label}: the answers stay in: {error}.") from error
    notebook.metadata["coursekit"] = {
        "sha256": digest(target.source),
        "source": target.source.relative_to(target.path.parents[1]).as_posix(),
    }
    name_cells(notebook)
    return notebook, [line for _, line in kept]


def name_cells(notebook: NotebookNode) -> None:
    """Give each cell the id that its place and its source determine."""
    for index, cell in enumerate(notebook.cells):
        text = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()
        cell["id"] = f"{index:02d}-{text[:8]}"


def _read(source: Path) -> tuple[NotebookNode, list[int]]:
    """A py:percent file as a notebook with our kernel, and where its cells start."""
    try:
        notebook = jupytext.read(source, fmt="py:percent")
    except Exception as error:  # jupytext lets the errors of its YAML and JSON readers through
        raise BuildError(f"{source.name} is not a py:percent file: {error}.") from error
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["kernelspec"] = dict(KERNEL)
    text = source.read_text(encoding="utf-8").splitlines()
    lines = [number for number, line in enumerate(text, start=1) if _MARKER.match(line)]
    extra = len(notebook.cells) - len(lines)  # one where text stands before the first marker
    if extra not in (0, 1):
        raise BuildError(
            f"{source.name} has {len(lines)} lines that start with '# %%', but jupytext finds "
            f"{len(notebook.cells)} cells. Start each cell with such a line, and nothing else."
        )
    return notebook, [1] * extra + lines
