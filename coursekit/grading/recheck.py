"""The step of ``nbgrader autograde`` that puts in the marks of a fresh process."""

from typing import Any

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade
from traitlets import Float, Integer, Unicode

from coursekit.errors import BadInputError
from coursekit.grading.marking import Limits, Mark, mark
from coursekit.grading.page import on_page
from coursekit.grading.sources import digest

AT_FIRST = digest()  # nbgrader's settings import this module before any submission runs


class Recheck(NbGraderPreprocessor):  # type: ignore[misc]
    """Runs after nbgrader has executed a notebook, and before it saves the marks.

    The outputs of the learner's own cells stay as the kernel gave them, for the feedback. Those of
    the cells that give points are made anew, by `mark`.

    The kernel ran under the same account and may have changed coursekit itself. Its files must be
    what they were when the course folder was made, or nothing is marked.
    """

    cell_s = Float(20.0, help="Seconds for one cell, and for one check.").tag(config=True)
    memory_mib = Integer(2048, help="Memory for the answers, in MiB, on Linux.").tag(config=True)
    digest = Unicode(AT_FIRST, help="What coursekit's files must add up to.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Give every cell with points the outputs of its check.

        Raises:
            BadInputError: Files of coursekit are not what they were.
        """
        self._expect_our_files()
        graded = {
            name: cell
            for cell in nb.cells
            if cell.cell_type == "code" and is_grade(cell) and (name := called(cell.source))
        }
        own = [cell.source for cell in nb.cells if cell.cell_type == "code" and not is_grade(cell)]
        limits = Limits(cell_s=self.cell_s, memory_mib=self.memory_mib)
        exercise = resources["nbgrader"]["notebook"].partition("_")[2]  # 01_name holds name's
        for found in mark(own, list(graded), exercise=exercise, limits=limits):
            graded[found.check].outputs = [_output(found)]
            self.log.info("%s: %s", found.check, "passed" if found.passed else "not passed")
        return nb, resources

    def _expect_our_files(self) -> None:
        """What marks rest on must be what the instructor installed."""
        now = digest()
        if now != self.digest:
            raise BadInputError(
                "Nothing is marked: the files of coursekit are not what they were when this "
                "course folder was made. If you have upgraded or changed coursekit since, write "
                f'c.Recheck.digest = "{now}" into nbgrader_config.py. If not, a submission may '
                "have changed them while it ran: install coursekit anew, then look for the "
                "submission that writes files."
            )


def called(source: str) -> str:
    """The check that a cell calls, or "".

    >>> called("check_prepare(prepare)")
    'check_prepare'
    """
    line = next((line for line in source.splitlines() if line.startswith("check_")), "")
    return line.partition("(")[0]


def _output(found: Mark) -> NotebookNode:
    """An output that nbgrader reads as all points or none."""
    if found.passed:
        said = on_page(" ".join(found.words.split()))  # it came in the lines of a notebook
        return NotebookNode(output_type="stream", name="stdout", text=said + "\n")
    lines = [on_page(found.words)]
    return NotebookNode(
        output_type="error", ename="CheckFailed", evalue=found.words, traceback=lines
    )
