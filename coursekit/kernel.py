"""What the Jupyter kernel that coursekit is used in is spared: a room of forty shares one machine.

Outside a kernel nothing here does anything.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from coursekit.compiler import load_compiler_on_demand
from coursekit.errors import in_notebook, ipython_shell

_prepared: Any = None  # the shell that knows already


def prepare_kernel() -> None:
    """Load PyTorch's compiler on demand, and give memory back after each cell; once."""
    global _prepared
    if not in_notebook() or ipython_shell() is _prepared:
        return
    _prepared = ipython_shell()
    load_compiler_on_demand()
    if (trim := _trim()) is not None:
        _prepared.events.register("post_run_cell", lambda _: trim(0))


def _trim() -> Callable[[int], int] | None:
    """GNU libc's way to give free memory back, a millisecond a cell: 15 MB after a few pictures.

    Its own limit, ``MALLOC_TRIM_THRESHOLD_``, would give back within a cell, too: there a loop over
    large batches asks for the same memory again at every step, and takes twice as long.
    """
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another libc; TypeError is Windows's
        return None
    return found
