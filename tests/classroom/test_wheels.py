"""The folder of wheels, made and used by the commands of the page, with the network cut off."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.classroom.instructions import ROOT, blocks, shell

TITLE = "A room without a network"

# In a network of its own there is no way out; the machine's own address must be brought up, since
# Jupyter talks to its kernels through it.
CUT = ["unshare", "--map-root-user", "--net"]
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    UP, RUNNING, SIOCSIFFLAGS = 0x1, 0x40, 0x8914
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP | RUNNING))
os.execvp(sys.argv[1], sys.argv[1:])
"""
REACH = """
import errno, socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    code = probe.connect_ex(("192.0.2.1", 9))
print(errno.errorcode.get(code, "a way out"))
"""


def without_network(commands: str, *, cwd: Path, scripts: Path) -> str:
    """Run commands as `shell` does, where nothing but this machine can be reached."""
    path = os.pathsep.join([str(scripts), os.environ["PATH"]])
    done = subprocess.run(
        [*CUT, sys.executable, "-c", LOOPBACK, "sh", "-euc", commands],
        cwd=cwd, text=True, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "PATH": path, "BROWSER": sys.executable},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture
def folder() -> Iterator[Path]:
    """Two GB that are gone afterwards: pytest would keep those of its last three runs."""
    with tempfile.TemporaryDirectory(prefix="coursekit-wheels-") as name:
        yield Path(name)


@pytest.fixture
def scripts(folder: Path) -> Path:
    """The scripts of a new environment, where the network can be cut off."""
    probe = [*CUT, sys.executable, "-c", LOOPBACK, "true"]
    found = shutil.which(CUT[0]) is not None
    if not found or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("the network cannot be cut off here: that takes unshare and its permission")
    reached = subprocess.run([sys.executable, "-c", REACH], capture_output=True, check=True)
    if b"ENETUNREACH" in reached.stdout:
        pytest.skip("the wheels must be fetched first: that takes a network")
    subprocess.run([sys.executable, "-m", "venv", folder / "environment"], check=True)
    return folder / "environment" / "bin"


@pytest.mark.slow
def test_the_course_is_installed_and_runs_without_a_network(folder: Path, scripts: Path) -> None:
    """Without TensorFlow, which is most of the folder; else the commands are those of the page."""
    make, install = (commands.replace("[keras]", "") for commands in blocks(TITLE))
    reached = without_network(f"python -c '{REACH}'", cwd=folder, scripts=scripts)
    assert reached.strip() == "ENETUNREACH"

    clone = folder / "clone"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(".*", "work", "build", "tests"))
    shell(make, cwd=clone, scripts=scripts, PIP_QUIET="1")
    room = folder / "room"
    room.mkdir()
    (clone / "wheels").rename(room / "wheels")

    said = without_network(install, cwd=room, scripts=scripts)
    assert said.rstrip().endswith("Ready. Open the course with: coursekit lab")
    lesson = "coursekit lab --no-open\njupyter execute work/notebooks/00_start_here.ipynb"
    without_network(lesson, cwd=room, scripts=scripts)
