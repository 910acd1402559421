"""Recheck marks only where coursekit is what the instructor installed."""

import shutil
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from coursekit.errors import BadInputError
from coursekit.grading import Recheck
from coursekit.grading.sources import COURSEKIT, digest

GRADED = {
    "nbgrader": {
        "grade": True, "solution": False, "points": 2, "grade_id": "x", "schema_version": 3,
        "locked": True, "task": False, "cell_type": "code",
    }
}  # fmt: skip
RESOURCES = {"nbgrader": {"notebook": "01_unscaled_features"}}


def test_files_that_are_not_what_they_were_mark_nothing() -> None:
    notebook = new_notebook(cells=[new_code_cell("check_nothing(x)", metadata=GRADED)])
    settings = Config()
    settings.Recheck.digest = "0" * 64
    with pytest.raises(BadInputError, match="files of coursekit are not what they were") as said:
        Recheck(config=settings).preprocess(notebook, RESOURCES)
    assert f'c.Recheck.digest = "{digest()}"' in str(said.value)
    assert not notebook.cells[0].outputs


def test_the_files_of_now_are_those_that_are_expected() -> None:
    notebook = new_notebook(cells=[new_code_cell("check_nothing(x)", metadata=GRADED)])
    Recheck().preprocess(notebook, RESOURCES)
    assert notebook.cells[0].outputs[0].evalue == "There is no check with the name check_nothing."


def test_the_digest_sees_what_a_marking_reads(tmp_path: Path) -> None:
    ours = tmp_path / "coursekit"
    shutil.copytree(COURSEKIT / "checks", ours, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    at_first = digest(ours)
    (ours / "__pycache__").mkdir()
    (ours / "__pycache__" / "check.cpython-311.pyc").write_bytes(b"compiled")
    (ours / ".check.py.swp").write_text("an editor's")
    assert digest(ours) == at_first
    (ours / "check.so").write_bytes(b"Python would take this for check.py")
    assert digest(ours) != at_first
    (ours / "check.so").unlink()
    text = (ours / "check.py").read_text()
    (ours / "check.py").write_text(text.replace("is not None", "is not Nine"))
    assert digest(ours) != at_first
    (ours / "check.py").write_text(text)
    assert digest(ours) == at_first
