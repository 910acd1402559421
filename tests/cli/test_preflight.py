"""`coursekit preflight`, as a learner types it a week ahead."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coursekit.cli import preflight

BROWSER = "BROWSER"


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "coursekit", "preflight", *arguments], cwd=cwd, text=True,
        capture_output=True, check=False, timeout=300, env={**os.environ, **environment},
    )  # fmt: skip


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in json.loads(done.stdout)}


def test_a_machine_with_all_that_is_needed_is_ready(tmp_path: Path) -> None:
    done = run("--json", cwd=tmp_path, BROWSER=sys.executable)
    found = findings(done)
    assert {name for name, each in found.items() if not each["ready"]} == set()
    assert done.returncode == 0
    assert found["slider"]["words"] == "a kernel started, and a live control moved and trained."
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a browser")
def test_what_is_missing_is_named_with_what_to_do(tmp_path: Path) -> None:
    broken = tmp_path / "ipywidgets.py"
    broken.write_text("raise RuntimeError('torn apart')\n")
    nowhere = {"BROWSER": "", "DISPLAY": "", "WAYLAND_DISPLAY": "", "PATH": "/nonexistent"}
    done = run("--json", cwd=tmp_path, PYTHONPATH=str(tmp_path), **nowhere)
    found = findings(done)
    assert done.returncode == 1
    assert not found["ipywidgets"]["ready"]
    assert found["ipywidgets"]["words"].endswith("RuntimeError: torn apart")
    assert "make env" in found["ipywidgets"]["advice"]
    assert not found["browser"]["ready"]
    assert "--no-browser" in found["browser"]["advice"]
    assert not found["slider"]["ready"]  # its cell failed for the same reason
    assert "torn apart" in found["slider"]["words"]
    assert found["torch"]["ready"]


def test_on_a_hub_nobody_needs_a_browser_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The learner's browser is on another machine."""
    for each in (BROWSER, "DISPLAY", "WAYLAND_DISPLAY", "PATH"):
        monkeypatch.setenv(each, "")
    monkeypatch.setattr(preflight, "LOOKS", (preflight.browser,))
    if sys.platform == "linux":  # other systems always have one
        assert preflight.preflight(as_json=False) == 1
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    capsys.readouterr()
    assert preflight.preflight(as_json=False) == 0
    said = capsys.readouterr().out
    assert "yours: this is a JupyterHub server." in said
    assert "Make your copy with: coursekit lab --no-open" in said


def test_too_little_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "LEAST_MEMORY_GIB", 1e6)
    (finding,) = preflight.memory()
    assert not finding.ready
    assert "the course wants 1e+06" in finding.words
    assert "Close other programs" in finding.advice


def test_a_cell_that_never_ends_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MOVE", "while True: pass")
    monkeypatch.setattr(preflight, "KERNEL_S", 2.0)
    (finding,) = preflight.slider()
    assert not finding.ready
    assert finding.words == "the control did not move within 2 s."


def test_lines_say_by_a_word_what_is_missing() -> None:
    line = preflight._line(preflight.Finding(name="x", ready=False, words="no.", advice="Do."))
    assert line.split() == ["MISSING", "x", "no.", "Do."]
