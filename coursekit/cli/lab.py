"""``coursekit lab``: bring the learner's copy up to date and open JupyterLab there."""

from pathlib import Path

from coursekit.launch import open_lab
from coursekit.workspace import prepare


def lab(work: Path, lab_args: list[str], *, opens: bool = True) -> int:
    """Copy what is new to ``work`` and, unless only the copy is wanted, open it."""
    prepare(work)
    return open_lab(work, lab_args) if opens else 0
