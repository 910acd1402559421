"""The one place that words a missing package."""

import importlib
from types import ModuleType

from coursekit.errors import MissingPackageError, in_notebook


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Args:
        module: The module to import, such as ``"keras"``.
        extra: The extra of coursekit that brings it.
        purpose: What needs it, as the start of a sentence: ``"The Keras cells"``.

    Raises:
        MissingPackageError: The package is not installed.

    >>> require("json", extra="none", purpose="This example").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name != module.partition(".")[0]:
            raise  # the package is there and something that it needs is not: its own message
        raise MissingPackageError(
            f"{purpose} need the package {module!r}, which is not installed here. "
            f"Install it with: {_install(extra)}. "
            "Everything else works without it.",
            name=module,
        ) from error


def _install(extra: str) -> str:
    """What to type: in a notebook's cell the form that installs into the kernel's environment."""
    if in_notebook():
        return f'%pip install "coursekit[{extra}]"'  # Windows knows these quotes too
    return f"pip install 'coursekit[{extra}]'"
