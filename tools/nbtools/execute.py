"""Run a notebook as a learner would: in a fresh kernel, in a folder laid out like ``work/``."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from nbtools.arithmetic import SAME_DIGITS, Arithmetic
from nbtools.sockets import own_sockets

CELL_TIMEOUT = 120  # seconds
_DROPPED = ("MPLBACKEND", "OMP_NUM_THREADS", "PYTHONWARNINGS", *SAME_DIGITS)
_LINE = re.compile(r"line (\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class CellFailedError(Exception):
    """A cell that did not run to its end.

    Attributes:
        index: Which cell, counted from 0.
        line: Which line of that cell, counted from 1; 0 where that is not known.
        reason: The error's type and text.
    """

    def __init__(self, *, index: int, line: int, reason: str) -> None:
        super().__init__(f"cell {index + 1}, line {line}: {reason}")
        self.index = index
        self.line = line
        self.reason = reason


def execute(
    notebook: NotebookNode, *, folder: str = "notebooks", arithmetic: Arithmetic = SAME_DIGITS
) -> None:
    """Run all cells in place; a cell tagged ``raises-exception`` may raise.

    Args:
        notebook: The notebook; its outputs are replaced.
        folder: Which folder of the learner's copy to run in.
        arithmetic: Settings of the processor's arithmetic.

    Raises:
        CellFailedError: A cell raised, took too long, or took the kernel down.
    """
    with tempfile.TemporaryDirectory(prefix="lesson-") as temporary:
        base = Path(temporary)
        for name in ("notebooks", "exercises", "home"):
            (base / "work" / name).mkdir(parents=True)
        seen = environment(base / "work" / "home", arithmetic)
        _run(notebook, cwd=base / "work" / folder, env=seen)


def environment(home: Path, arithmetic: Arithmetic = SAME_DIGITS) -> dict[str, str]:
    """What the kernel sees: this arithmetic, no one's own settings, a quiet TensorFlow."""
    settings = home / "matplotlibrc"
    settings.touch()
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return kept | {
        **arithmetic,
        "COURSEKIT_DEVICE": "cpu",
        "COURSEKIT_HOME": str(home),
        "CUDA_VISIBLE_DEVICES": "-1",
        "IPYTHONDIR": str(home / "ipython"),
        "MATPLOTLIBRC": str(settings),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }


def _run(notebook: NotebookNode, *, cwd: Path, env: dict[str, str]) -> None:
    """Run all cells in one kernel and say which failed."""
    current = 0

    def note(*, cell_index: int, **_: object) -> None:
        nonlocal current
        current = cell_index

    # A kernel that the user registered under the same name must not be taken for this one.
    specs = KernelSpecManager(kernel_dirs=[])
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs, **own_sockets()),
        timeout=CELL_TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        on_cell_execute=note,
    )
    try:
        client.execute(
            cleanup_kc=True,  # or the kernel would live on: nbclient did not make its manager
            cwd=str(cwd),
            env=env,
            stderr=subprocess.DEVNULL,
        )
    except CellExecutionError as error:
        line = _failing_line(notebook.cells[current])
        reason = f"{error.ename}: {error.evalue}"
        raise CellFailedError(index=current, line=line, reason=reason) from error
    except CellTimeoutError as error:
        reason = f"it ran for more than {CELL_TIMEOUT} s"
        raise CellFailedError(index=current, line=0, reason=reason) from error
    except DeadKernelError as error:
        reason = "the kernel died; run the cell in JupyterLab to see what it says"
        raise CellFailedError(index=current, line=0, reason=reason) from error


def _failing_line(cell: NotebookNode) -> int:
    """The line of a cell that its traceback names first."""
    for output in cell.outputs:
        if output.output_type == "error":
            found = _LINE.search(_COLOUR.sub("", "\n".join(output.traceback)))
            return int(found.group(1)) if found else 0
    return 0
