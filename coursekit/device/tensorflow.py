"""Load Keras on TensorFlow without noise, ready to share a GPU with torch."""

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from types import ModuleType

import torch

from coursekit._optional import require
from coursekit.device.pick import lesson_device
from coursekit.errors import MissingPackageError

TOO_LATE = (
    "TensorFlow had been used before import_keras() was called, so it may hold nearly all the "
    "memory of the GPU, and torch may run out of it. Restart the kernel and call import_keras() "
    "before anything uses TensorFlow, or set TF_FORCE_GPU_ALLOW_GROWTH=true before Python starts."
)
CRASHES = (
    "TensorFlow was loaded before triton, which came with torch, and Python will crash when torch "
    "loads triton: at the latest when an optimizer is made. Restart the kernel and call "
    "import_keras() before anything loads TensorFlow, or import triton first."
)
OTHER_BACKEND = (
    "Keras runs on {backend!r} here, and the Keras cells of this course, KerasRecorder among them, "
    "are for TensorFlow. Restart the kernel and set the environment variable "
    "KERAS_BACKEND=tensorflow before anything imports keras."
)


def import_keras() -> ModuleType:
    """Load Keras on TensorFlow without a line of output, and return it.

    Memory of a GPU is taken as it is needed, so that torch can use the same one. As
    in `lesson_device`, GPUs are hidden from TensorFlow unless ``COURSEKIT_DEVICE`` names one;
    ``"cuda:1"`` leaves that one alone. Where TensorFlow is loaded already, what it sees is left as
    it is set up, and a warning says where it is too late to limit the memory that it takes, where
    torch and TensorFlow cannot run in one process, or where Keras runs on another backend.

    Raises:
        MissingPackageError: TensorFlow is not installed.
    """
    first = not {"keras", "tensorflow"} <= sys.modules.keys()
    if first:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    crashes = not _triton_comes_first()
    with _quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensorflow = require("tensorflow", extra="keras", purpose="The Keras cells")
        keras = require("keras", extra="keras", purpose="The Keras cells")
        if first:
            _show(tensorflow, lesson_device())
        shared = share_memory(tensorflow)
    if not shared:
        warnings.warn(TOO_LATE, stacklevel=2)
    if crashes:
        warnings.warn(CRASHES, stacklevel=2)
    backend = keras.backend.backend()
    if backend != "tensorflow":
        warnings.warn(OTHER_BACKEND.format(backend=backend), stacklevel=2)
    return keras


def keras_if_installed() -> ModuleType | None:
    """Keras, or None after saying in one sentence how to install it.

    For the Keras cells of a lesson: where TensorFlow is missing, the lesson goes on.
    """
    try:
        return import_keras()
    except MissingPackageError as error:
        print(error)
        return None


def share_memory(tensorflow: ModuleType) -> bool:
    """Let TensorFlow take the memory of its GPUs bit by bit; False where that is too late.

    Nothing is changed on a GPU for which a limit of one's own was set.
    """
    for gpu in tensorflow.config.get_visible_devices("GPU"):
        try:
            tensorflow.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # TensorFlow has used it, and taken what it takes at first use
            return os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH") == "true"
        except ValueError:  # it was divided into virtual GPUs, each with a limit
            continue
    return True


def _triton_comes_first() -> bool:
    """Load triton, where torch's GPU build brought it; False where TensorFlow is there before it.

    Each carries an LLVM of its own, and a process that loads TensorFlow's first dies at the
    second (seen with triton 3.7.1 and TensorFlow 2.21). torch loads triton late, at the latest
    with the first optimizer.
    """
    if "triton" in sys.modules or importlib.util.find_spec("triton") is None:
        return True
    if "tensorflow" in sys.modules:
        return False
    with contextlib.suppress(ImportError):
        importlib.import_module("triton")
    return True


def _show(tensorflow: ModuleType, device: torch.device) -> None:
    """Let a TensorFlow that nobody has used yet see the GPU of a device, or none."""
    gpus = tensorflow.config.list_physical_devices("GPU")
    if device.type == "cpu":
        gpus = []
    elif device.index is not None:
        gpus = gpus[device.index : device.index + 1]
    tensorflow.config.set_visible_devices(gpus, "GPU")


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send file descriptor 2 elsewhere: TensorFlow's C++ writes there, past ``sys.stderr``.

    What was written is shown after all if the block raises.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            caught.seek(0)
            os.write(2, caught.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
