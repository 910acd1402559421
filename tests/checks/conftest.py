"""What the tests of the checks share: the solution's functions, as a learner would have them."""

from pathlib import Path
from typing import Any

import jupytext
import pytest

SOLUTION = Path(__file__).parents[2] / "lessons" / "solutions" / "01_unscaled_features.py"


@pytest.fixture(scope="session")
def solution() -> dict[str, Any]:
    """The names that the solution's cells define; check cells are not run."""
    names: dict[str, Any] = {}
    for cell in jupytext.read(SOLUTION, fmt="py:percent").cells:
        left_out = {"check", "solution-only"}.intersection(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and not left_out:
            exec(compile(cell.source, f"<{cell.source.splitlines()[0]}>", "exec"), names)
    return names
