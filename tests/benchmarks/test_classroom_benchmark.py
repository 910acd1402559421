"""The benchmark of a room on a Hub: what it leaves for last, and what it says where none is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import classroom
import pytest
from room import hub

ROOT = Path(__file__).parents[2]


def test_only_the_keras_cells_wait_for_the_end() -> None:
    """In lesson 01 one cell loads TensorFlow."""
    notebook = json.loads((ROOT / "notebooks" / "01_unscaled_features.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    last = [cell for cell in cells if classroom.is_keras(cell)]
    assert len(last) == 1
    assert "keras_if_installed" in "".join(last[0]["source"])
    assert not any("keras_if" in "".join(c["source"]) for c in cells if c not in last)


def test_median_and_worst_of_what_came() -> None:
    """By hand; a picture that never came is left out."""
    assert classroom.spread([3, None, 1, 8]) == {"median": 3, "worst": 8}
    assert classroom.spread([None]) == {}


def test_without_a_hub_it_says_how_to_install_one_and_ends_well() -> None:
    """One sentence, status 0."""
    done = subprocess.run(
        [sys.executable, classroom.__file__],
        capture_output=True, text=True, check=False, timeout=300,
        env=os.environ | {"PATH": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    assert done.stdout.startswith("Skipped: ")
    assert "configurable-http-proxy not found. Install with: pip install" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins have no .exe")
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder in place of the environment, then one with all three programs."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert "jupyterhub, jupyterhub-singleuser, configurable-http-proxy not" in (hub.missing() or "")
    for name in hub.PROGRAMS:
        (tmp_path / name).touch(mode=0o755)
    assert hub.missing() is None


def test_the_instructors_page_has_the_settings_that_were_measured() -> None:
    """The snippet's environment is the benchmark's."""
    page = (ROOT / "INSTRUCTORS.md").read_text("utf-8")
    snippet = re.search(r"c\.Spawner\.environment = \{(.*?)\}", page, flags=re.DOTALL)
    assert snippet is not None
    assert dict(re.findall(r'"(\w+)": "(\w+)"', snippet[1])) == classroom.SETTINGS
    arguments = re.search(r"c\.Spawner\.args = (\[.*?\])", page)
    assert arguments is not None
    assert tuple(json.loads(arguments[1])) == classroom.ARGUMENTS
