"""``coursekit preflight``: is this machine ready for the course? Run it a week ahead."""

import importlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from coursekit.device import describe

NEEDED = (
    "numpy",
    "matplotlib",
    "sklearn",
    "torch",
    "ipywidgets",
    "anywidget",
    "jupyterlab",
    "ipykernel",
)
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
LEAST_MEMORY_GIB = 2.0  # a kernel with torch and TensorFlow takes about .7, a browser the rest
LEAST_DISK_GIB = 0.5
ON_A_HUB = "JUPYTERHUB_SERVICE_PREFIX"  # a Hub sets it for every server that it starts
KERNEL_S = 120.0  # a slow disk loads torch for the first time
MOVE = """
from coursekit import get_case, widgets
control = widgets.explore(get_case("unscaled-features"), "proline_spread")
control.controls["proline_spread"].value = "100"
await control.settled()
print("moved to", control.state.live.setting.short)
"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        ready: Whether the course can run with it.
        words: What was found.
        advice: What to do where it is not ready, or ""; also a hint where it is.
    """

    name: str
    ready: bool
    words: str
    advice: str = ""


def preflight(*, as_json: bool) -> int:
    """Look at everything that the course needs; 1 where something is missing."""
    found = []
    for look in LOOKS:
        for finding in look():
            found.append(finding)
            if not as_json:
                print(_line(finding), flush=True)
    missing = [finding for finding in found if not finding.ready]
    if as_json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    elif missing:
        print(f"\nNot ready: {', '.join(finding.name for finding in missing)}. See above.")
    else:
        lab = "Make your copy with: coursekit lab --no-open"
        if ON_A_HUB not in os.environ:
            lab = "Open the course with: coursekit lab"
        print(f"\nReady. {lab}")
    return 1 if missing else 0


def _line(finding: Finding) -> str:
    """A finding for a reader: a word, not a colour, says whether it is well."""
    line = f"{'ok' if finding.ready else 'MISSING':<8}{finding.name:<12}{finding.words}"
    return f"{line}\n{'':<20}{finding.advice}" if finding.advice else line


def packages() -> Iterator[Finding]:
    """Every package that the lessons import; Keras may be missing."""
    for name in NEEDED:
        yield _package(name, "Install the course again: make env, or pip install coursekit.")
    keras = _package("tensorflow", "The Keras cells will say that it is missing; all else works.")
    yield Finding(
        name=keras.name, ready=True, words=keras.words, advice="" if keras.ready else keras.advice
    )


def _package(name: str, advice: str) -> Finding:
    """Whether a package is there and, unless it is TensorFlow, loads."""
    try:
        version = metadata.version(DISTRIBUTIONS.get(name, name))
        if name != "tensorflow":  # three seconds, and four hundred MB
            importlib.import_module(name)
    except metadata.PackageNotFoundError:
        return Finding(name=name, ready=False, words="is not installed.", advice=advice)
    except Exception as error:
        words = f"is installed and does not load: {type(error).__name__}: {error}"
        return Finding(name=name, ready=False, words=words, advice=advice)
    return Finding(name=name, ready=True, words=version)


def memory() -> Iterator[Finding]:
    """Whether a kernel and a browser fit."""
    import psutil

    free = psutil.virtual_memory().available / 2**30
    yield Finding(
        name="memory",
        ready=free >= LEAST_MEMORY_GIB,
        words=f"{free:.1f} GiB are free; the course wants {LEAST_MEMORY_GIB:g}.",
        advice="" if free >= LEAST_MEMORY_GIB else "Close other programs, and look again.",
    )


def disk() -> Iterator[Finding]:
    """Whether the learner's own copy fits where they are."""
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding(
        name="disk",
        ready=free >= LEAST_DISK_GIB,
        words=f"{free:.1f} GiB are free in {Path.cwd()}.",
        advice="" if free >= LEAST_DISK_GIB else "Make room, or work in another folder.",
    )


def device() -> Iterator[Finding]:
    """What the runs will use; a GPU is welcome and not needed."""
    machine = describe()
    yield Finding(
        name="device", ready=True, words=machine.picked, advice=" ".join(machine.problems)
    )


def browser() -> Iterator[Finding]:
    """Whether Python can open a browser; a Hub's learners have one on their own machines."""
    if ON_A_HUB in os.environ:
        yield Finding(name="browser", ready=True, words="yours: this is a JupyterHub server.")
        return
    try:
        name = webbrowser.get().__class__.__name__
    except webbrowser.Error:
        yield Finding(
            name="browser", ready=False, words="Python finds none on this machine.",
            advice="Install one, or start with: coursekit lab -- --no-browser, and open the "
            "address that it prints in a browser elsewhere.",
        )  # fmt: skip
    else:
        yield Finding(name="browser", ready=True, words=f"found ({name}).")


def slider() -> Iterator[Finding]:
    """Whether a kernel starts, and a live control in it moves and trains."""
    from jupyter_client.manager import start_new_kernel

    advice = (
        "Run the first cells of lesson 01 in JupyterLab and read what they say. If no kernel "
        f"starts at all: {sys.executable} -m ipykernel install --sys-prefix"
    )
    try:
        with tempfile.TemporaryDirectory() as scratch:
            manager, client = start_new_kernel(
                kernel_name="python3", cwd=scratch, stderr=subprocess.DEVNULL
            )
            try:
                said = _said(client)
            finally:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
    except Exception as error:
        words = f"no kernel ran: {type(error).__name__}: {error}"
        yield Finding(name="slider", ready=False, words=words, advice=advice)
        return
    moved = said.startswith("moved to 100")
    yield Finding(
        name="slider", ready=moved, advice="" if moved else advice,
        words="a kernel started, and a live control moved and trained." if moved else said,
    )  # fmt: skip


def _said(client: object) -> str:
    """The last line that the cell prints, or its error."""
    said: list[str] = []

    def hear(message: dict[str, dict[str, str]]) -> None:
        content = message["content"]
        if "text" in content:
            said.extend(line for line in content["text"].splitlines() if line)
        if "evalue" in content:
            said.append(f"{content['ename']}: {content['evalue']}")

    try:
        client.execute_interactive(  # type: ignore[attr-defined]
            MOVE, timeout=KERNEL_S, output_hook=hear, allow_stdin=False
        )
    except (TimeoutError, queue.Empty):
        return f"the control did not move within {KERNEL_S:g} s."
    return said[-1] if said else "the cell said nothing."


LOOKS: Sequence[Callable[[], Iterator[Finding]]] = (
    packages, memory, disk, device, browser, slider,
)  # fmt: skip
