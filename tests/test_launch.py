"""A real JupyterLab, started and ended as `coursekit lab` does it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import websocket

from coursekit.launch import lab_command

TOKEN = "token-of-a-test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running JupyterLab and its address."""
    notebooks = tmp_path / "work" / "notebooks"
    notebooks.mkdir(parents=True)
    empty: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (notebooks / "00_start_here.ipynb").write_text(json.dumps(empty), encoding="utf-8")
    port = free_port()
    arguments = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    code = f"from coursekit.launch import open_lab; raise SystemExit(open_lab('work', {arguments}))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
        env={
            **os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            "PATH": os.defpath,  # as with an environment that nobody activated
        },
    )  # fmt: skip
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):  # also what outlived its parent
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def fetch(url: str, *, patience_s: float = 60) -> tuple[str, str]:
    """The final address and the body, once the server answers."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with opener.open(url, timeout=30) as answer:
                return answer.geturl(), answer.read().decode()
        except URLError as error:
            refused = isinstance(error.reason, ConnectionRefusedError)
            if not refused or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a POSIX signal")
def test_opens_the_first_notebook_shows_no_tools_and_ends_on_ctrl_c(
    lab: tuple[subprocess.Popen[str], str],
) -> None:
    process, address = lab
    url, body = fetch(f"{address}/course?token={TOKEN}")
    assert url == f"{address}/lab/tree/notebooks/00_start_here.ipynb?file-browser-path=/"

    page = json.loads(body.split('id="jupyter-config-data"')[1].split(">", 1)[1].split("<")[0])
    assert page["token"] == TOKEN
    assert {"@jupyter/nbgrader", "@jupyterlab/apputils-extension:announcements"} <= set(
        page["disabledExtensions"]
    )
    _, served = fetch(f"{address}/api/contents?token={TOKEN}")
    assert [item["name"] for item in json.loads(served)["content"]] == ["notebooks"]

    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "nbgrader" not in output
    assert "nbgitpuller" not in output
    assert f"{address}/course?token=" in output


@pytest.mark.skipif(sys.platform == "win32", reason="os.defpath is not enough for a program there")
def test_a_cell_finds_the_command_though_nobody_activated_the_environment(
    lab: tuple[subprocess.Popen[str], str],
) -> None:
    assert shutil.which("coursekit", path=os.defpath) is None
    _, address = lab
    fetch(f"{address}/api?token={TOKEN}")
    request = urllib.request.Request(
        f"{address}/api/kernels", method="POST", headers={"Authorization": f"token {TOKEN}"},
        data=json.dumps({"name": "python3"}).encode(),
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:
        kernel = json.load(answer)["id"]
    said = run_cell(f"{address}/api/kernels/{kernel}/channels?token={TOKEN}", "!coursekit --help")
    assert said.startswith("usage: coursekit "), said


def run_cell(channels: str, code: str) -> str:
    """What a cell prints in a kernel of a running server."""
    head = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    head |= {"username": "", "session": uuid.uuid4().hex, "date": "2026-01-01T00:00:00Z"}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {
        "header": head, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell",
    }  # fmt: skip
    said = ""
    connection = websocket.create_connection(channels.replace("http", "ws", 1), timeout=60)
    try:
        connection.send(json.dumps(message))
        while True:
            heard = json.loads(connection.recv())
            if heard["parent_header"].get("msg_id") != head["msg_id"]:
                continue
            said += heard["content"].get("text", "")
            if heard["content"].get("execution_state") == "idle":
                return said
    finally:
        connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_at_a_terminal_ctrl_c_twice_ends_it(tmp_path: Path) -> None:
    import pty

    port = free_port()
    arguments = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
    code = f"from coursekit.launch import open_lab; raise SystemExit(open_lab('.', {arguments}))"
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.environ["JUPYTER_RUNTIME_DIR"] = str(tmp_path / "runtime")
        os.execv(sys.executable, [sys.executable, "-c", code])
    try:
        fetch(f"http://127.0.0.1:{port}/api?token={TOKEN}")
        os.write(terminal, b"\x03")
        read_until(terminal, b"Shut down this Jupyter server (y/[n])?")
        os.write(terminal, b"\x03")
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    finally:
        os.close(terminal)


def read_until(terminal: int, words: bytes) -> None:
    seen = b""
    while words not in seen:
        seen += os.read(terminal, 4096)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_request_to_end_reaches_jupyterlab(lab: tuple[subprocess.Popen[str], str]) -> None:
    process, address = lab
    fetch(f"{address}/api?token={TOKEN}")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    with pytest.raises(URLError):
        fetch(f"{address}/api?token={TOKEN}", patience_s=0)


def test_a_stranger_without_the_token_sees_nothing(
    lab: tuple[subprocess.Popen[str], str],
) -> None:
    _, address = lab
    url, _ = fetch(f"{address}/course")
    assert url.startswith(f"{address}/login")


def test_arguments_go_through_in_order(tmp_path: Path) -> None:
    command = lab_command(tmp_path, ["--no-browser", "--port=8899"])
    assert command[-2:] == ["--no-browser", "--port=8899"]
    assert f"--ServerApp.root_dir={tmp_path.resolve()}" in command
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    assert ("--allow-root" in command) == is_root
