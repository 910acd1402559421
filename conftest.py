"""What every test, doctest and notebook runs under. Set before any framework is imported."""

import os
import tempfile
from pathlib import Path
from typing import Any

import nbval.kernel
from jupyter_client.manager import KernelManager
from nbtools.arithmetic import SAME_DIGITS
from nbtools.sockets import own_sockets

_HOME = tempfile.TemporaryDirectory(prefix="coursekit-tests-")
_FOLDER = Path(_HOME.name)

# Not MPLBACKEND: kernels would inherit it, and then show no figures. Kernels set their own.
_MATPLOTLIBRC = _FOLDER / "matplotlibrc"
_MATPLOTLIBRC.write_text("backend: Agg\n", encoding="utf-8")
os.environ.pop("MPLBACKEND", None)

# Figures and seeds are those of the CPU; COURSEKIT_TEST_GPU=1 runs the tests of a GPU too.
if os.environ.get("COURSEKIT_TEST_GPU") != "1":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

os.environ |= {
    **SAME_DIGITS,
    "COURSEKIT_DEVICE": "cpu",
    "COURSEKIT_HOME": str(_FOLDER / "home"),
    "IPYTHONDIR": str(_FOLDER / "ipython"),
    "JUPYTER_CONFIG_DIR": str(_FOLDER / "jupyter"),
    "MATPLOTLIBRC": str(_MATPLOTLIBRC),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


def _manager(**given: Any) -> KernelManager:
    """A manager of nbval's kernels: several workers start theirs at the same moment."""
    return KernelManager(**own_sockets(), **given)


nbval.kernel.KernelManager = _manager
