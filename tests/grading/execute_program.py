"""Runs the notebooks of a folder, in a process that a test can end should it wait for ever."""

import sys
import tempfile
from pathlib import Path

import nbformat
from traitlets.config import Config

from coursekit.grading import ExecuteSubmission


def main(folder: Path, timeout_s: int) -> None:
    """One step for all of them, set as the settings of a course folder set it, but less patient."""
    with tempfile.TemporaryDirectory() as sockets:
        settings = Config()
        settings.KernelManager.transport = "ipc"
        settings.KernelManager.ip = f"{sockets}/kernel"
        settings.Execute.timeout = timeout_s
        step = ExecuteSubmission(config=settings, send_s=1.0, output_mib=1.0)
        for path in sorted(folder.glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            done, _ = step.preprocess(notebook, {"nbgrader": {}, "metadata": {}})
            nbformat.write(done, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
