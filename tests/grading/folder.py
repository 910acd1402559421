"""A course folder as an instructor has it, and nbgrader run in it."""

import os
import subprocess
import sys
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import Gradebook

SOLUTIONS = Path(__file__).parents[2] / "solutions"
SECRET = "only-the-grader-knows-this"
NOISE = """
import os, socket, stat
for descriptor in range(3, 128):
    try:
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode) and {which}:
            os.write(descriptor, b"{{" * 90)
    except OSError:
        pass
"""
SHOUT = NOISE.format(which="True")  # the kernel lives on, and whoever it talks to hears noise
CUT_OFF = NOISE.format(  # it still prints, and hears of no cell any more
    which=(
        "str(socket.socket(fileno=os.dup(descriptor)).getsockname())"
        ".endswith(f'-{get_ipython().kernel.parent.shell_port}')"
    )
)


def nbgrader(course: Path, *arguments: str) -> None:
    """Run one of nbgrader's commands in the course's folder, as an instructor does."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=course, text=True, check=False,
        capture_output=True, timeout=1200, env={**os.environ, "PATH": path, "GRADER": SECRET},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def points(course: Path, exercise: str, student: str) -> dict[str, float]:
    """The points of one student, by the name of the check's cell."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "why-wont-it-train") as book:
        submission = book.find_submission(exercise, student)
        return {grade.name: grade.score for grade in submission.notebooks[0].grades}


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The cell with one of nbgrader's names."""
    (cell,) = (
        cell for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id
    )  # fmt: skip
    return cell
