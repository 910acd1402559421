"""Kernels that are reached by files, not by ports.

The ports of a kernel are found free well before it takes them; another kernel that starts at that
moment can get the same one, and one of the two never answers.
"""

import atexit
import shutil
import sys
import tempfile


def own_sockets() -> dict[str, str]:
    """Arguments of a `KernelManager` for one kernel; none on Windows, which has ports alone."""
    if sys.platform == "win32":
        return {}
    folder = tempfile.mkdtemp(prefix="kernel-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {"transport": "ipc", "ip": f"{folder}/channel"}
