"""Jupyter in a headless Chromium: the server, the page, and what a learner's hands do there.

The browser test and the slider benchmark share this file.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, sync_playwright

TOKEN = "a-token-for-one-test-run"
NO_BROWSER = (
    "No Chromium was found. Install it (Debian: apt-get install chromium; anywhere: "
    "python -m playwright install chromium), or name one in COURSEKIT_CHROMIUM."
)
App = Literal["lab", "notebook"]  # JupyterLab, or Notebook 7
PAGES: dict[App, str] = {"lab": "lab/tree", "notebook": "notebooks"}
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing leaves this machine
)


def find_chromium() -> str | None:
    """The Chromium to drive: named, the system's, or the one that playwright installed."""
    named = os.environ.get("COURSEKIT_CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        found = shutil.which(name)
        if found:
            return found
    with sync_playwright() as playwright:
        bundled = playwright.chromium.executable_path
    return bundled if Path(bundled).is_file() else None


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running JupyterLab or Notebook 7.

    Attributes:
        app: Which of them.
        port: Where it listens, on 127.0.0.1.
        root: The folder that it serves.
        home: The learner's data folder, ``COURSEKIT_HOME`` of its kernels.
    """

    app: App
    port: int
    root: Path
    home: Path

    def address(self, notebook: str) -> str:
        """The page of a notebook, in a fresh workspace."""
        page = f"{PAGES[self.app]}/{notebook}?reset&token={TOKEN}"
        return f"http://127.0.0.1:{self.port}/{page}"


@contextmanager
def serve(root: Path, scratch: Path, *, app: App = "lab") -> Iterator[Server]:
    """Jupyter on a folder, with none of this user's settings; the lab as `coursekit lab` does."""
    port = _free_port()
    home = scratch / "home"
    log = scratch / "lab.log"
    scratch.mkdir(parents=True, exist_ok=True)
    arguments = [
        "--no-browser",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        "--expose-app-in-browser",
    ]
    start = f"from coursekit.launch import open_lab; open_lab({str(root)!r}, {arguments!r})"
    commands: dict[App, list[str]] = {
        "lab": ["-c", start],
        "notebook": ["-m", "notebook", "--allow-root", f"--ServerApp.root_dir={root}", *arguments],
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *commands[app]],
            env=_environment(scratch, home),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(process, port, log)
            yield Server(app=app, port=port, root=root, home=home)
        finally:
            _end(process)


@dataclass(kw_only=True)
class Tab:
    """A page, and what went wrong on it.

    Attributes:
        page: The page.
        complaints: Errors of its console and uncaught exceptions.
        outside: Addresses beyond this machine that it asked for; the browser finds none of them.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        """Load a notebook and wait until its kernel is ready."""
        self.page.goto(address)
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell.currentWidget;
                const kernel = panel?.context?.sessionContext?.session?.kernel;
                return kernel?.connectionStatus === 'connected' && kernel?.status === 'idle';
            }""",
            timeout=180_000,
        )

    def run_all_cells(self, *, timeout_s: float) -> None:
        """Run the whole notebook, as the menu does, and wait for its end."""
        self.page.evaluate(
            """() => {
                window.allCellsRan = null;
                window.jupyterapp.commands.execute('notebook:run-all-cells').then(
                    result => { window.allCellsRan = String(result); },
                    error => { window.allCellsRan = 'raised: ' + error; });
                return 0;
            }"""
        )
        self.page.wait_for_function("() => window.allCellsRan !== null", timeout=timeout_s * 1000)

    def scroll_to(self, index: int) -> None:
        """Bring a cell into view, as a learner would scroll to it."""
        self.page.evaluate(
            """index => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                notebook.scrollToItem(index, 'start').catch(() => 0);
                return 0;
            }""",
            index,
        )
        self.page.wait_for_function(
            """index => {
                const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
                const box = cell.node.getBoundingClientRect();
                return cell.node.isConnected && box.bottom > 0 && box.top < innerHeight;
            }""",
            arg=index,
        )

    def alarms(self) -> list[str]:
        """What live controls say went wrong; the regions that would say it are always there."""
        texts = self.page.locator("[role=alert]").all_inner_texts()
        return [text for text in texts if text.strip()]

    def _listen(self) -> None:
        """Note console errors, exceptions, and what is asked of other machines.

        No request is routed through this process: that would switch the browser's cache off.
        """
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.outside.append(request.url)


@contextmanager
def browse(chromium: str, *, width: int = 1280, height: int = 900) -> Iterator[Tab]:
    """One tab of a headless Chromium of its own."""
    with window(chromium, width=width, height=height) as context, tab_of(context) as tab:
        yield tab


@contextmanager
def window(chromium: str, *, width: int, height: int) -> Iterator[BrowserContext]:
    """A headless Chromium whose tabs share a cache: JupyterLab's code is read once for all."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, headless=True, args=list(CHROMIUM_FLAGS)
        )
        try:
            yield browser.new_context(viewport={"width": width, "height": height})
        finally:
            browser.close()


@contextmanager
def tab_of(context: BrowserContext) -> Iterator[Tab]:
    """A new tab of a window, closed at the end."""
    tab = Tab(page=context.new_page())
    tab.page.set_default_timeout(30_000)
    tab._listen()
    try:
        yield tab
    finally:
        tab.page.close()


def _environment(scratch: Path, home: Path) -> dict[str, str]:
    """The environment of the server and of its kernels: this interpreter, fresh folders."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
    }
    fresh = {name: str(scratch / folder) for name, folder in folders.items()}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    inherited = {key: value for key, value in os.environ.items() if key != "MPLBACKEND"}
    return {**inherited, **fresh, "PATH": path, "COURSEKIT_HOME": str(home)}


def _free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return once the server answers; raise with its own words where it ends before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            address = f"http://127.0.0.1:{port}/api?token={TOKEN}"
            with urllib.request.urlopen(address, timeout=2):
                return
        time.sleep(0.1)
    raise RuntimeError(f"Jupyter did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server with all its kernels, whatever state it is in."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
