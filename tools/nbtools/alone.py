"""A section alone: what it needs besides the set-up cell."""

import copy
import json
import subprocess
import sys

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from nbtools.lesson_rules import Section, sections
from nbtools.source import tags

_KEEP = "_after_setup = dict(globals())"
_BACK = """\
for _name in {_name for _name in globals() if not _name.startswith("_")} - set(_after_setup):
    del globals()[_name]
globals().update(_after_setup)
"""


def each_alone(notebook: NotebookNode) -> NotebookNode:
    """The set-up cell, then each section's code on what the set-up alone has left; none of it run.

    One kernel serves all sections: before each, its names are those that the set-up left.
    """
    part = copy.deepcopy(notebook)
    setup = _setup(part)
    rest = []
    for section in sections(part):
        code = _code(section)
        rest += [new_code_cell(_BACK), section.heading, *code] if code else []
    part.cells = [*setup, new_code_cell(_KEEP), *rest]
    return part


def borrowed(notebook: NotebookNode) -> list[str]:
    """Names that a section uses, and neither it nor the set-up cell defines; nothing is run."""
    before = "\n".join(cell.source for cell in _setup(notebook))
    return [
        f"Section {section.title!r}: {fault}."
        for section in sections(notebook)
        for fault in _undefined("\n".join([before, *(cell.source for cell in _code(section))]))
    ]


def _undefined(source: str) -> list[str]:
    """What ruff's rule F821 says of a module."""
    judged = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821",
         "--output-format=json", "-"],
        input=source, capture_output=True, text=True,
    )  # fmt: skip
    return [fault["message"] for fault in json.loads(judged.stdout)]


def _setup(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells tagged ``setup``."""
    return [cell for cell in notebook.cells if "setup" in tags(cell)]


def _code(section: Section) -> list[NotebookNode]:
    """The code cells of a section, without the set-up cell."""
    return [
        cell for cell in section.cells if cell.cell_type == "code" and "setup" not in tags(cell)
    ]
