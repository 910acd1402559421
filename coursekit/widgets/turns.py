"""Whose turn it is: a cell's, or that of a run that a moved control has begun beside it.

JupyterLab calls a control back on a thread of its own, while a cell may be training on the main
one. torch has one generator of random numbers and one number of threads for both. So a run stands
still while a cell runs, and a cell begins when the run has come to its next yield.
"""

import threading
from typing import Any

from IPython.core.getipython import get_ipython

_floor = threading.Lock()  # held by the cell that runs, or by the run that makes a step
_cell_has_it = False
_told: Any = None  # the shell whose cells are known


def know_cells() -> None:
    """Hear of the cells of this kernel from now on; call it from a cell. Elsewhere, nothing."""
    global _told
    shell: Any = get_ipython()
    if shell is None or shell is _told or threading.current_thread() is not threading.main_thread():
        return
    _told = shell
    shell.events.register("pre_run_cell", _begins)
    shell.events.register("post_run_cell", _ends)
    _begins()  # the cell that calls this one


def my_turn() -> bool:
    """Whether a run may make a step now; if so, `done` must follow. On the main thread always."""
    return threading.current_thread() is threading.main_thread() or _floor.acquire(blocking=False)


def done() -> None:
    """The step that `my_turn` allowed is made."""
    if threading.current_thread() is not threading.main_thread():
        _floor.release()


def _begins(*_: object) -> None:
    """A cell begins: wait for the step that a run is in."""
    global _cell_has_it
    if not _cell_has_it:
        _floor.acquire()
        _cell_has_it = True


def _ends(*_: object) -> None:
    """A cell has ended."""
    global _cell_has_it
    if _cell_has_it:
        _cell_has_it = False
        _floor.release()
