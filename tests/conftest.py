"""Fixtures for all tests; the environment is set in the conftest.py one folder up."""

import contextlib
import importlib
import sys

import pytest

# Where torch's GPU build brought it: after TensorFlow, which tests load as they like, it crashes.
with contextlib.suppress(ImportError):
    importlib.import_module("triton")


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    """One thread, where torch is loaded at all: two workers share two cores."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
