"""Open JupyterLab on the learner's copy, with nothing on the screen that distracts."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# What the tools of developers and instructors add to JupyterLab, and the question about news, which
# needs a network. nbgitpuller writes to the log only; but with it a link can fetch a repository.
_LAB_EXTENSIONS = (
    "@jupyter/nbgrader",
    "jupyterlab-jupytext",
    "@jupyterlab/apputils-extension:announcements",
)
_SERVER_EXTENSIONS = (
    "jupyterlab_jupytext",
    "nbgitpuller",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
)


def open_lab(work: str | Path, lab_args: Sequence[str]) -> int:
    """Run JupyterLab on the learner's copy until it ends, and return its exit status.

    Args:
        work: The learner's folder.
        lab_args: Handed to JupyterLab as they are: ``["--no-browser", "--port=8899"]``.
    """
    if _is_root():
        print("You are root: whoever has the address below can run commands as root.")
    with _quiet_config() as config:
        paths = [str(config), os.environ.get("JUPYTER_CONFIG_PATH", "")]
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_PATH": os.pathsep.join(path for path in paths if path),
            "PATH": _path(),
        }
        return _run(lab_command(Path(work), lab_args), environment)


def lab_command(work: Path, lab_args: Sequence[str]) -> list[str]:
    """The command that starts JupyterLab on the first notebook, the file browser at the top.

    >>> lab_command(Path("work"), ["--port=8899"])[-1]
    '--port=8899'
    """
    return [
        sys.executable, "-m", "jupyterlab",
        f"--ServerApp.root_dir={work.resolve()}",
        "--LabApp.default_url=/course",  # see landing.py
        *(["--allow-root"] if _is_root() else []),
        *lab_args,
    ]  # fmt: skip


def _path() -> str:
    """Where programs are looked for, this Python's own first.

    An environment that nobody activated is not on it, and neither a terminal in JupyterLab nor
    ``!coursekit`` in a cell would find the command.
    """
    own = dict.fromkeys([str(Path(sys.executable).parent), sysconfig.get_path("scripts")])
    return os.pathsep.join([*own, *filter(None, [os.environ.get("PATH", "")])])


def _is_root() -> bool:
    """Who one is in most containers; Jupyter refuses to run as root unless told to."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextmanager
def _quiet_config() -> Iterator[Path]:
    """A Jupyter configuration folder for this one launch; the user's own is not changed."""
    with tempfile.TemporaryDirectory(prefix="coursekit-lab-") as name:
        folder = Path(name)
        lab = {"disabledExtensions": dict.fromkeys(_LAB_EXTENSIONS, True)}
        extensions = {"coursekit.landing": True} | dict.fromkeys(_SERVER_EXTENSIONS, False)
        server = {"ServerApp": {"jpserver_extensions": extensions}}
        for path, body in (
            (folder / "labconfig" / "page_config.json", lab),
            (folder / "jupyter_server_config.d" / "coursekit.json", server),
        ):
            path.parent.mkdir()
            path.write_text(json.dumps(body), encoding="utf-8")
        yield folder


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run JupyterLab until it ends; requests to end are passed on to it.

    At a terminal JupyterLab answers Ctrl-C itself: it asks, and then ends. Away from one its
    threads would outlive the interrupt, so it must not see it, and is told to end instead.
    """
    at_terminal = sys.stdin.isatty()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if not at_terminal:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited by what is started here
        process = subprocess.Popen(command, env=environment)

        def end(*_: object) -> None:
            process.terminate()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, signal.SIG_IGN if at_terminal else end)
        status = process.wait()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status
