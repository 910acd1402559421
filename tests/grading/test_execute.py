"""A submission that breaks its own kernel: the run ends, and the outputs say so."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.grading.folder import CUT_OFF, SHOUT

MOST_S = 60
ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="kernels are reached by ports elsewhere")


def ran(
    *submissions: list[str], folder: Path, timeout_s: int = 3
) -> list[list[list[NotebookNode]]]:
    """The outputs of each one's cells, each of which may take so long."""
    old = new_output("stream", text="of another run")
    paths = [folder / f"{number}.ipynb" for number in range(len(submissions))]
    for path, sources in zip(paths, submissions, strict=True):
        cells = [new_code_cell(source, outputs=[old]) for source in sources]
        nbformat.write(new_notebook(cells=[*cells, new_markdown_cell("The end.")]), path)
    subprocess.run(
        [sys.executable, "-m", "tests.grading.execute_program", str(folder), str(timeout_s)],
        cwd=ROOT, check=True, timeout=MOST_S,
    )  # fmt: skip
    done = [nbformat.read(path, as_version=4) for path in paths]
    return [[cell.outputs for cell in notebook.cells[:-1]] for notebook in done]


@pytest.mark.parametrize(
    "breaks",
    ["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", CUT_OFF, SHOUT],
    ids=["ended", "cut off", "noise"],
)
def test_a_lost_kernel_ends_the_outputs_of_its_notebook(breaks: str, tmp_path: Path) -> None:
    broken, sound = ran(["1 + 1", breaks, "2 + 2", "3 + 3"], ["4 + 4"], folder=tmp_path)
    assert broken[0][0]["data"]["text/plain"] == "2"
    errors = [cell[-1] for cell in broken[1:] if cell and cell[-1]["ename"] == "KernelLost"]
    assert [error["evalue"].split()[0] for error in errors[-2:]] in (
        ["From", "Not"],
        ["Not", "Not"],
    )
    assert "of another run" not in str(broken)
    assert sound[0][0]["data"]["text/plain"] == "8"


def test_an_error_or_a_loop_loses_no_kernel(tmp_path: Path) -> None:
    (outputs,) = ran(["1 / 0", "while True:\n    pass", "2 + 2"], folder=tmp_path)
    assert outputs[0][-1]["ename"] == "ZeroDivisionError"
    assert "CellTimeoutError" in [each.get("ename") for each in outputs[1]]
    assert outputs[2][0]["data"]["text/plain"] == "4"


@pytest.mark.parametrize(
    "floods",
    [
        "while True:\n    print('x' * 10_000)",
        "from IPython.display import HTML, display\nwhile True:\n    display(HTML('x' * 10_000))",
    ],
)
def test_output_without_end_is_interrupted(floods: str, tmp_path: Path) -> None:
    (outputs,) = ran([floods, "2 + 2"], folder=tmp_path, timeout_s=MOST_S // 2)
    names = [each.get("ename") for each in outputs[0] if each["output_type"] == "error"]
    assert names[:2] == ["TooMuchOutput", "KeyboardInterrupt"]
    assert 0.5e6 < len(str(outputs[0])) < 1.5e6
    assert outputs[1][0]["data"]["text/plain"] == "4"
