"""tools/env.sh on a tiny project that installs without a network."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="env.sh needs a POSIX shell")

SCRIPT = Path(__file__).parents[1] / "tools" / "env.sh"

# A build backend of its own, so that pip needs to fetch nothing.
BACKEND = """
import time, zipfile
from pathlib import Path

def get_requires_for_build_editable(config=None):
    return []

def build_editable(folder, config=None, metadata=None):
    if Path("slow").exists():
        time.sleep(60)
    name = "toy-1-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        info = "toy-1.dist-info"
        wheel.writestr("toy.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: toy\\nVersion: 1\\n"
                       "Provides-Extra: keras\\nProvides-Extra: dev\\n")
        wheel.writestr(f"{info}/WHEEL",
                       "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", f"toy.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n"
                       f"{info}/RECORD,,\\n")
    return name
"""

PYPROJECT = """[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "toy"
version = "1"
[project.optional-dependencies]
keras = []
dev = []
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "a folder"
    (root / "tools").mkdir(parents=True)
    shutil.copy(SCRIPT, root / "tools")
    (root / "backend.py").write_text(BACKEND, encoding="utf-8")
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "constraints.txt").write_text("toy==1\n", encoding="utf-8")
    return root


def environment(python: str) -> dict[str, str]:
    return {**os.environ, "PYTHON": python, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


def make_env(root: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "tools/env.sh"],
        cwd=root, env=environment(python), capture_output=True, text=True, check=False,
    )  # fmt: skip


def has_toy(root: Path) -> bool:
    command = [str(root / ".venv" / "bin" / "python"), "-c", "import toy"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_made_once_then_brought_up_to_date_when_a_pin_changes(project: Path) -> None:
    first = make_env(project)
    assert first.returncode == 0, first.stderr
    assert has_toy(project)

    (project / "constraints.txt").touch()  # a checkout changes times, not contents
    second = make_env(project, python="")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")

    (project / ".venv" / "mine").touch()
    (project / "constraints.txt").write_text("toy==1\nother==2\n", encoding="utf-8")
    third = make_env(project)
    assert third.returncode == 0, third.stderr
    assert "bringing .venv up to date" in third.stdout
    assert (project / ".venv" / "mine").exists()
    assert make_env(project).stdout == ""


@pytest.mark.slow
def test_an_install_that_fails_does_not_look_finished(project: Path) -> None:
    (project / "constraints.txt").write_text("toy==2\n", encoding="utf-8")
    failed = make_env(project)
    assert failed.returncode != 0
    assert "Run the same command again" in failed.stderr

    (project / "constraints.txt").write_text("toy==1\n", encoding="utf-8")
    assert make_env(project).returncode == 0
    assert has_toy(project)


@pytest.mark.slow
def test_an_interrupted_install_is_made_anew(project: Path) -> None:
    (project / "slow").touch()
    process = subprocess.Popen(
        ["sh", "tools/env.sh"],
        cwd=project, env=environment(sys.executable), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_for(project / ".venv" / "bin" / "pip")
    time.sleep(1)  # into the sleeping build
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode != 0

    (project / "slow").unlink()
    (project / ".venv" / "left-over").touch()
    again = make_env(project)
    assert again.returncode == 0, again.stderr
    assert "Making .venv" in again.stdout
    assert not (project / ".venv" / "left-over").exists()
    assert has_toy(project)


def wait_for(path: Path) -> None:
    for _ in range(300):
        if path.exists():
            return
        time.sleep(0.1)
    pytest.fail(f"{path} never came")


def test_no_fitting_python_is_one_clear_sentence(project: Path) -> None:
    old = project / "python3.9"
    old.write_text("#!/bin/sh\necho 3.9\n", encoding="utf-8")
    old.chmod(0o755)
    refused = make_env(project, python="./python3.9")
    assert refused.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in refused.stderr
    assert "./python3.9 is 3.9" in refused.stderr
    assert not (project / ".venv").exists()


def test_a_python_without_ensurepip_names_the_package(project: Path) -> None:
    bare = project / "python-bare"
    bare.write_text(
        '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; *) echo 3.12 ;; esac\n', encoding="utf-8"
    )
    bare.chmod(0o755)
    refused = make_env(project, python="./python-bare")
    assert refused.returncode == 1
    assert "sudo apt install python3-venv" in refused.stderr
