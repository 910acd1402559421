"""Makes a folder that nbgrader can work in: its settings, and the solutions as assignments."""

import shutil
from pathlib import Path

from coursekit.errors import BadInputError
from coursekit.grading.sources import digest

STUB = "raise NotAnswered  # write your answer in place of this line"
TEXT_STUB = "*Your answer here.*"
# The learner is at the front of the name, or is the folder; a browser's " (1)" may follow.
HANDED_IN = r"""
    r"^.*[/\\]extracted[/\\](?P<student_id>[^/\\]+?)"
    r"(?:_|[/\\](?:.*[/\\])?)(?P<file_id>\d\d_[a-z_]+)[^/\\]*$"
""".strip()
CONFIG = f'''"""Settings of nbgrader for Why Won't It Train?"""

import atexit
import shutil
import sys
import tempfile

from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import Execute

from coursekit.grading import ExecuteSubmission, Recheck

c = get_config()  # noqa: F821  nbgrader puts it there

c.CourseDirectory.course_id = "why-wont-it-train"
c.ClearSolutions.code_stub = {{"python": "{STUB}"}}
c.ClearSolutions.text_stub = "{TEXT_STUB}"

# What `nbgrader zip_collect` reads in the name of a file: who, and which assignment.
c.FileNameCollectorPlugin.named_regexp = (
    {HANDED_IN}
)

# Cells that only a solution has stay out of what learners get.
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {{"solution-only"}}
c.GenerateAssignment.preprocessors = [
    TagRemovePreprocessor, *GenerateAssignment.preprocessors.default()
]

# The kernel's outputs are for the feedback; a submission that breaks its kernel stops no other.
# Marks come from Recheck: the answers are checked again in a fresh process, and nothing that the
# kernel printed or holds counts there. What this stops and what not: INSTRUCTORS.md.
steps = list(Autograde.autograde_preprocessors.default())
place = steps.index(Execute)
steps[place : place + 1] = [ExecuteSubmission, Recheck]
c.Autograde.autograde_preprocessors = steps
c.Execute.timeout = 60  # seconds for a cell
if sys.platform != "win32":  # a kernel whose port another program had for a moment never answers
    sockets = tempfile.mkdtemp(prefix="nbgrader-")
    atexit.register(shutil.rmtree, sockets, ignore_errors=True)
    c.KernelManager.transport = "ipc"
    c.KernelManager.ip = f"{{sockets}}/kernel"
c.Recheck.cell_s = 20.0  # seconds for a check
c.Recheck.memory_mib = 2048  # on Linux
# What coursekit's files added up to when this folder was made; with others nothing is marked.
'''
SETTINGS = "nbgrader_config.py"


def set_up(folder: Path, *, solutions: Path) -> list[str]:
    """Make a course folder for nbgrader; what is there already is left alone.

    Args:
        folder: Where the course is to lie.
        solutions: The folder with the solved exercises.

    Returns:
        The assignments, by name.

    Raises:
        BadInputError: There are no solutions, or the folder is a file.
    """
    notebooks = sorted(solutions.glob("[0-9][0-9]_*.ipynb"))
    if not notebooks:
        raise BadInputError(
            f"There are no solutions in {solutions}. Name the folder of a checkout that holds "
            "them: --solutions path/to/solutions."
        )
    if folder.is_file():
        raise BadInputError(f"{folder} is a file. Name a folder, or one that is to be made.")
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / SETTINGS
    if not settings.exists():
        settings.write_text(f'{CONFIG}c.Recheck.digest = "{digest()}"\n', encoding="utf-8")
    for notebook in notebooks:
        target = folder / "source" / notebook.stem / notebook.name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(notebook, target)
    return [notebook.stem for notebook in notebooks]
