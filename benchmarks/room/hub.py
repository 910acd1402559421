"""A real JupyterHub on loopback for as long as a benchmark runs, and the memory of its learners."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

PATIENCE_S = 120
LOG_TAIL = 5000  # characters of the Hub's log that are shown if something fails
INSTALL = (
    "pip install --constraint constraints.txt '.[classroom]' && "
    "npm install --global configurable-http-proxy"
)
PROGRAMS = ("jupyterhub", "jupyterhub-singleuser", "configurable-http-proxy")
# Folders are made by the benchmark; anyone may log in, because only this machine can.
CONFIG = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/homes/{{username}}"
c.Spawner.args = {arguments}
c.Spawner.environment = {environment}
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
"""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Proportional set size of one learner's processes: a page that n share counts 1/n to each.

    Attributes:
        server_mb: The single-user server.
        kernel_mb: What the server has started: the kernel and its children.
    """

    server_mb: float
    kernel_mb: float


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A running Hub.

    Attributes:
        url: Where learners log in.
        folder: What it keeps, with the learners' homes in ``homes/``.
        pid: Its process.
    """

    url: str
    folder: Path
    pid: int

    def memory(self, learner: str) -> Memory:
        """What a learner's processes hold at this moment."""
        home = str(self.folder / "homes" / learner)
        servers = [p for p in psutil.Process(self.pid).children() if _home(p) == home]
        kernels = [child for server in servers for child in server.children(recursive=True)]
        return Memory(server_mb=_pss_mb(servers), kernel_mb=_pss_mb(kernels))


def missing() -> str | None:
    """A sentence if no Hub can be started here; None if one can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if not absent:
        return None
    return f"Skipped: {', '.join(absent)} not found. Install with: {INSTALL}"


@contextlib.contextmanager
def serve(folder: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> Iterator[Hub]:
    """A Hub that answers; every process that comes of it is gone afterwards.

    Args:
        folder: An empty folder for everything that it writes.
        environment: Variables that its servers and kernels get.
        arguments: Handed to each learner's server.
    """
    (folder / "homes").mkdir()
    port, hub_port, proxy_port = _free_ports(3)
    config = folder / "jupyterhub_config.py"
    config.write_text(
        CONFIG.format(
            folder=folder, port=port, hub_port=hub_port, proxy_port=proxy_port,
            # Paths of sockets have an end, and this folder is deeper than a home.
            environment={**environment, "JUPYTER_RUNTIME_DIR": str(folder / "run")},
            arguments=[*arguments, *(["--allow-root"] if _is_root() else [])],
        ),
        encoding="utf-8",
    )  # fmt: skip
    with (folder / "hub.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [shutil.which("jupyterhub", path=_path()) or "jupyterhub", "-f", str(config)],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "PATH": _path(), "HOME": str(folder)},
        )  # fmt: skip
        try:
            hub = Hub(url=f"http://127.0.0.1:{port}", folder=folder, pid=process.pid)
            _wait(f"{hub.url}/hub/health", process, folder / "hub.log")
            yield hub
        except Exception:
            print((folder / "hub.log").read_text(encoding="utf-8")[-LOG_TAIL:])
            raise
        finally:
            process.terminate()  # it stops its servers and its proxy, if it is given the time
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=60)
            _end_all(folder)
            process.wait()


def _end_all(folder: Path) -> None:
    """End what is left: whatever has its home in the folder came of this Hub."""
    left = [p for p in psutil.process_iter() if Path(_home(p)).is_relative_to(folder)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=30)


def _home(process: psutil.Process) -> str:
    """A process's HOME, or nothing where one may not look."""
    try:
        return str(process.environ().get("HOME", ""))
    except psutil.Error:
        return ""


def _pss_mb(processes: list[psutil.Process]) -> float:
    """Proportional set size of processes together."""
    return float(sum(process.memory_full_info().pss for process in processes)) / 1e6


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the Hub answers."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(URLError, ConnectionError), urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise SystemExit("The Hub did not start:\n" + log.read_text(encoding="utf-8")[-3000:])


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _path() -> str:
    """Where programs are looked for: beside this Python, then on the PATH."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _is_root() -> bool:
    """Whether servers would refuse to start without being told that this is meant."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
