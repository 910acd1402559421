"""Every live control of every lesson, moved by keyboard to its ends in JupyterLab and back.

Notebook 7 shows the same pages by other code: there, one lesson with a slider and lists.
"""

import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
from nbtools.source import KERNEL
from playwright.sync_api import BrowserContext, expect

from coursekit.widgets.explorer import Explorer
from tests.browser.lab import App, Server, Tab, serve, tab_of, window

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CALL = "widgets.explore("
LESSONS = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb") if CALL in path.read_text())
PLACES: list[tuple[App, str]] = [
    *(("lab", lesson) for lesson in LESSONS), ("notebook", "04_vanishing_gradients.ipynb"),
]  # fmt: skip
EMPTY = "empty.ipynb"
ZOOMED = {"width": 853, "height": 600}  # what 1280 × 900 becomes at 150 %
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")

RUN_CELL = """index => {
    window.cellRan = null;
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.deselectAll();
    notebook.activeCellIndex = index;
    window.jupyterapp.commands.execute('notebook:run-cell').then(
        result => { window.cellRan = 'done'; }, error => { window.cellRan = 'raised: ' + error; });
    return 0;
}"""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A lesson in the browser with its live control, and the same control in this process."""

    app: App
    tab: Tab
    twin: Explorer
    complaints_without_us: list[str]

    def say(self) -> str:
        """The numbers as the page shows them."""
        return str(self.tab.page.locator(".ck-status").inner_text())


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[App], Server]]:
    """One JupyterLab for all lessons, and one Notebook 7 once it is asked for."""
    root = tmp_path_factory.mktemp("learner")
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    nbformat.write(nbformat.v4.new_notebook(metadata={"kernelspec": dict(KERNEL)}), root / EMPTY)
    with ExitStack() as stack:

        @cache
        def start(app: App) -> Server:
            return stack.enter_context(serve(root, tmp_path_factory.mktemp(app), app=app))

        yield start


@pytest.fixture(scope="module")
def chromium_window(chromium: str) -> Iterator[BrowserContext]:
    """One Chromium for all lessons."""
    with window(chromium, **ZOOMED) as context:
        yield context


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: f"{place[0]}-{place[1]}")
def opened(
    chromium_window: BrowserContext,
    servers: Callable[[App], Server],
    request: pytest.FixtureRequest,
) -> Iterator[Opened]:
    """A lesson, its set-up cell and the cell of its control run, and nothing else."""
    app, name = request.param
    cells = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
    setup = next(i for i, cell in enumerate(cells) if "setup" in cell["metadata"].get("tags", []))
    control = next(i for i, cell in enumerate(cells) if CALL in "".join(cell["source"]))
    with tab_of(chromium_window) as tab:
        if app == "notebook":  # JupyterLab has nothing to say, of whatever it shows
            tab.open(servers(app).address(EMPTY))
        without_us = list(tab.complaints)
        tab.open(servers(app).address(f"notebooks/{name}"))
        for index in (setup, control):
            tab.scroll_to(index)
            tab.page.evaluate(RUN_CELL, index)
            tab.page.wait_for_function("() => window.cellRan === 'done'", timeout=180_000)
        tab.scroll_to(control)
        tab.page.locator(".ck-status").wait_for()
        twin = in_this_process("".join(cells[setup]["source"]), "".join(cells[control]["source"]))
        yield Opened(app=app, tab=tab, twin=twin, complaints_without_us=without_us)
        tab.page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")


def in_this_process(setup: str, call: str) -> Explorer:
    """The same control, made by the same cells."""
    names: dict[str, Any] = {}
    with mpl.rc_context():
        exec(setup, names)
        before, control = call[: call.index(CALL)], call[call.index(CALL) :]
        exec(before, names)
        made = eval(control, names)
    assert isinstance(made, Explorer)
    return made


def words(status: str) -> str:
    """A status without tags, each space one."""
    return " ".join(html.unescape(re.sub(r"<br>|<[^>]+>", " ", status)).split())


def agree(shown: str, fresh: str) -> None:
    """The same words, and numbers that are the same to half a per cent."""
    assert NUMBER.sub("#", words(shown)) == NUMBER.sub("#", words(fresh))
    numbers = [[float(text) for text in NUMBER.findall(words(said))] for said in (shown, fresh)]
    assert numbers[0] == pytest.approx(numbers[1], rel=5e-3, abs=1e-9)


@pytest.mark.parametrize("key", ["Home", "End"])
def test_each_control_goes_to_its_ends_and_says_a_fresh_runs_numbers(
    opened: Opened, key: str
) -> None:
    page = opened.tab.page
    handles, lists = page.locator(".noUi-handle"), page.locator(".widget-dropdown select")
    sliders = [name for name, item in opened.twin.controls.items() if is_slider(item)]
    stood_there = []
    for name, control in opened.twin.controls.items():
        group, own = (handles, sliders) if name in sliders else (lists, None)
        names = own or [each for each in opened.twin.controls if each not in sliders]
        group.nth(names.index(name)).focus()
        page.keyboard.press(key)
        end = 0 if key == "Home" else len(control.options) - 1
        stood_there.append(control.index == end)
        control.index = end
        if opened.twin.state.number == 0:  # it stood there already: no run has begun
            continue
        label = opened.twin.state.setting.long
        page.wait_for_function(
            "wanted => document.querySelector('.ck-status').innerText.includes(wanted)",
            arg=f"This run, {label}:",
            timeout=60_000,
        )
        agree(opened.say(), str(opened.twin._status.value))
    assert opened.twin.state.number > 0 or all(stood_there)
    assert opened.tab.alarms() == []


def test_what_changes_is_spoken_and_the_picture_has_words(opened: Opened) -> None:
    """A screen reader speaks a change inside a region that it knows, so the region must stay."""
    page = opened.tab.page
    page.evaluate(
        """() => {
            window.region = document.querySelector('.ck-status [role=status]');
            window.spoken = [];
            new MutationObserver(() => window.spoken.push(window.region.innerText))
                .observe(window.region, {childList: true});
        }"""
    )
    name, control = next(iter(opened.twin.controls.items()))
    place = page.locator(".noUi-handle" if is_slider(control) else ".widget-dropdown select").first
    place.focus()
    page.keyboard.press("Home")
    control.index = 0
    page.wait_for_function("() => window.spoken.length > 0", timeout=60_000)
    now = page.evaluate("() => [window.region.isConnected, window.region.ariaLive, window.spoken]")
    assert now == [True, "polite", [now[2][0]]], name  # once, when the run has ended
    agree(now[2][0], str(opened.twin._status.value))
    assert page.locator(".ck-picture img").get_attribute("alt") == opened.twin._image.description


def is_slider(control: Any) -> bool:
    return type(control).__name__ == "SelectionSlider"


def test_reset_brings_every_control_to_its_start(opened: Opened) -> None:
    page = opened.tab.page
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(
        "() => document.querySelector('.ck-status').innerText.startsWith('Reference')"
    )
    opened.twin._button.click()
    agree(opened.say(), str(opened.twin._status.value))
    lists = page.locator(".widget-dropdown select option:checked")  # put back after the status
    wanted = [item.value for item in opened.twin.controls.values() if not is_slider(item)]
    expect(lists).to_have_text(wanted)


def test_at_150_per_cent_nothing_leaves_the_page(opened: Opened) -> None:
    page = opened.tab.page
    inside = page.evaluate(
        """() => {
            const panel = document.querySelector('.jp-NotebookPanel').getBoundingClientRect();
            const parts = document.querySelectorAll(
                '.ck-picture img, .widget-slider, .widget-dropdown, .widget-button, .ck-status');
            return [...parts].map(part => {
                const box = part.getBoundingClientRect();
                return box.width > 0 && box.left >= panel.left && box.right <= panel.right;
            });
        }"""
    )
    assert len(inside) >= 4
    assert all(inside)


def test_each_control_takes_one_line_above_the_picture(opened: Opened) -> None:
    page = opened.tab.page
    boxes = [box.bounding_box() for box in page.locator(".widget-slider, .widget-dropdown").all()]
    picture = page.locator(".ck-picture").bounding_box()
    assert picture is not None
    assert len(boxes) == len(opened.twin.controls)
    assert all(box is not None and box["height"] < 40 for box in boxes)
    tops = [box["y"] for box in boxes if box is not None]
    assert all(below - above < 90 for above, below in pairwise([*tops, picture["y"]]))


def test_the_console_stays_silent(opened: Opened) -> None:
    """But for what Notebook 7 says of an empty notebook too; JupyterLab says nothing."""
    own = opened.complaints_without_us
    assert [said for said in opened.tab.complaints if said not in own] == []
    assert own == [] or opened.app == "notebook"
    assert opened.tab.outside == []
