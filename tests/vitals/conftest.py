"""What the tests of recordings share."""

from types import ModuleType

import pytest

from coursekit.device import import_keras


@pytest.fixture(scope="module")
def keras() -> ModuleType:
    """Keras, loaded quietly."""
    return import_keras()
