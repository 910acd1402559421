"""Load Keras on TensorFlow without noise, ready to share a GPU with torch."""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from types import ModuleType

from coursekit._optional import require
from coursekit.device.pick import lesson_device
from coursekit.errors import MissingPackageError


def import_keras() -> ModuleType:
    """Load Keras on TensorFlow without a line of output, and return it.

    Memory of a GPU is taken as it is needed, so that torch can use the same one. As
    in `lesson_device`, GPUs are hidden from TensorFlow unless ``COURSEKIT_DEVICE`` names one.
    Where TensorFlow is loaded already, it is left as it is set up.

    Raises:
        MissingPackageError: TensorFlow is not installed.
    """
    if "keras" in sys.modules and "tensorflow" in sys.modules:
        return sys.modules["keras"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with _quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensorflow = require("tensorflow", extra="keras", purpose="The Keras cells")
        keras = require("keras", extra="keras", purpose="The Keras cells")
        _set_up_gpus(tensorflow)
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


def _set_up_gpus(tensorflow: ModuleType) -> None:
    """Hide the GPUs from TensorFlow, or let it take their memory bit by bit."""
    gpus = tensorflow.config.list_physical_devices("GPU")
    with contextlib.suppress(RuntimeError):  # TensorFlow has used them already: too late
        if lesson_device().type == "cpu":
            tensorflow.config.set_visible_devices([], "GPU")
        else:
            for gpu in gpus:
                tensorflow.config.experimental.set_memory_growth(gpu, True)


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
