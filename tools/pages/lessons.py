"""Pages of the lessons: the stored notebooks, in MyST-NB's words."""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbtools.source import read_notebook, tags
from nbtools.targets import ROOT

COMMAND = re.compile(r"`coursekit cases\s+([a-z-]+)`")
FOLDED = {"source_hidden": "hide-input", "outputs_hidden": "hide-output"}


def write_lessons(folder: Path) -> None:
    """Write all lessons into a new folder."""
    folder.mkdir()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        nbformat.write(for_pages(read_notebook(path)), folder / path.name)


def for_pages(notebook: NotebookNode) -> NotebookNode:
    """A notebook with MyST-NB's words for what is folded, and its figures' words as theirs.

    >>> cell = nbformat.v4.new_code_cell("1", metadata={"jupyter": {"outputs_hidden": True}})
    >>> for_pages(nbformat.v4.new_notebook(cells=[cell])).cells[0].metadata["tags"]
    ['hide-output']
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _linked(cell.source)
        folded = cell.metadata.get("jupyter", {})
        hiding = [tag for key, tag in FOLDED.items() if folded.get(key)]
        cell.metadata["tags"] = [*tags(cell), *hiding]
        words = [
            output.metadata["image/png"]["alt"]
            for output in cell.get("outputs", [])
            if "alt" in output.get("metadata", {}).get("image/png", {})
        ]
        if words:
            cell.metadata["mystnb"] = {"image": {"alt": " ".join(words)}}
    return notebook


def _linked(text: str) -> str:
    """Text in which the command for a failure leads to its page.

    >>> _linked("**More:** `coursekit cases one-nan`.")
    '**More:** [`coursekit cases one-nan`](../failures/one-nan.md).'
    """
    return COMMAND.sub(r"[`coursekit cases \1`](../failures/\1.md)", text)
