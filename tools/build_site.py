"""Build the course as pages to read: ``python tools/build_site.py [--into FOLDER]``.

The stored notebooks become static pages, by Sphinx and MyST-NB. Nothing is run and nothing is
fetched; what JupyterLab shows folded stays behind a click.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbtools.source import read_notebook, tags
from nbtools.targets import ROOT

from coursekit._optional import require

DOCS = ROOT / "docs" / "site"
INTO = ROOT / "build" / "site"
FOLDED = {"source_hidden": "hide-input", "outputs_hidden": "hide-output"}


def for_pages(notebook: NotebookNode) -> NotebookNode:
    """A notebook with MyST-NB's words for what is folded, and its figures' words as theirs.

    >>> cell = nbformat.v4.new_code_cell("1", metadata={"jupyter": {"outputs_hidden": True}})
    >>> for_pages(nbformat.v4.new_notebook(cells=[cell])).cells[0].metadata["tags"]
    ['hide-output']
    """
    for cell in notebook.cells:
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


def prepare(folder: Path) -> None:
    """Lay out what Sphinx reads: its settings, the lessons, the notes for instructors."""
    shutil.copytree(DOCS, folder, dirs_exist_ok=True)
    (folder / "lessons").mkdir()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        nbformat.write(for_pages(read_notebook(path)), folder / "lessons" / path.name)
    shutil.copy(ROOT / "INSTRUCTORS.md", folder / "instructors.md")


def build_site(into: Path) -> int:
    """Build the pages into a folder; returns Sphinx's exit status. A warning is an error."""
    sphinx = require("sphinx.cmd.build", extra="site", purpose="Pages to read")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "source")
        prepare(source)
        doctrees = Path(scratch, "doctrees")
        arguments = ["-b", "html", "-q", "-W", "--keep-going", "-d", str(doctrees)]
        status: int = sphinx.main([*arguments, str(source), str(into)])
        return status


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the course as pages to read.")
    parser.add_argument("--into", type=Path, default=INTO, metavar="FOLDER")
    into = parser.parse_args().into
    shutil.rmtree(into, ignore_errors=True)
    status = build_site(into)
    if status == 0:
        print(f"Open {into / 'index.html'} in a browser.")
    return status


if __name__ == "__main__":
    sys.exit(main())
