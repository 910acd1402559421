"""Every exercise through a real nbgrader: its own solution earns all points, a blank one none."""

import copy
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from coursekit.grading.course import set_up
from tests.grading.folder import SOLUTIONS, cell_of, nbgrader, points

NAMES = sorted(path.stem for path in SOLUTIONS.glob("*.ipynb"))


def answered(released: NotebookNode, solution: NotebookNode) -> NotebookNode:
    """The notebook that was handed out, each answer cell with the solution's source."""
    notebook = copy.deepcopy(released)
    for cell in solution.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution"):
            cell_of(notebook, marks["grade_id"]).source = cell.source
    return notebook


@pytest.mark.slow  # half a minute each; tests/grading/test_class.py has a whole class on one
@pytest.mark.parametrize("name", NAMES)
def test_the_solution_earns_all_points_and_a_blank_one_none(name: str, tmp_path: Path) -> None:
    set_up(tmp_path, solutions=SOLUTIONS)
    for other in (tmp_path / "source").iterdir():
        if other.name != name:
            shutil.rmtree(other)
    nbgrader(tmp_path, "generate_assignment", name)
    released = nbformat.read(tmp_path / "release" / name / f"{name}.ipynb", as_version=4)
    solution = nbformat.read(SOLUTIONS / f"{name}.ipynb", as_version=4)
    for student, notebook in (("right", answered(released, solution)), ("blank", released)):
        folder = tmp_path / "submitted" / student / name
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    nbgrader(tmp_path, "autograde", name)
    due = {
        cell.metadata["nbgrader"]["grade_id"]: cell.metadata["nbgrader"]["points"]
        for cell in released.cells if cell.metadata.get("nbgrader", {}).get("grade")
    }  # fmt: skip
    assert len(due) >= 3
    assert points(tmp_path, name, "right") == due
    assert points(tmp_path, name, "blank") == dict.fromkeys(due, 0)
