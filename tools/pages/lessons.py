"""Pages of the lessons: the stored notebooks, in MyST-NB's words."""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbtools.source import read_notebook, tags
from nbtools.targets import ROOT

COMMAND = re.compile(r"`coursekit cases\s+([a-z-]+)`")
EXERCISE = re.compile(r"\[([^\]]+)\]\(\.\./exercises/[^)]+\)")
FOLDED = {"source_hidden": "hide-input", "outputs_hidden": "hide-output"}


def write_lessons(folder: Path) -> None:
    """Write all lessons into a new folder."""
    folder.mkdir()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = for_pages(read_notebook(path))
        first = notebook.cells[0]
        first.source = _numbered(first.source, path.name[:2])
        nbformat.write(notebook, folder / path.name)


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
    """Text in which the command for a failure leads to its page, and an exercise is named alone.

    The pages are to read; exercises are there in JupyterLab.

    >>> _linked("**More:** `coursekit cases one-nan`.")
    '**More:** [`coursekit cases one-nan`](../failures/one-nan.md).'
    >>> _linked("**Next:** [`exercises/01.ipynb`](../exercises/01.ipynb).")
    '**Next:** `exercises/01.ipynb`.'
    """
    text = EXERCISE.sub(r"\1", text)
    return COMMAND.sub(r"[`coursekit cases \1`](../failures/\1.md)", text)


def _numbered(text: str, number: str) -> str:
    """A heading that begins with the number of its lesson, as all but the first do by themselves.

    >>> _numbered("# Why?", "00"), _numbered("# 01 · How?", "01")
    ('# 00 · Why?', '# 01 · How?')
    """
    return re.sub(r"^# (?!\d\d · )", f"# {number} · ", text)
