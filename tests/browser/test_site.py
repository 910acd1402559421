"""The course as pages to read: built offline, and looked at on a phone and on a desk."""

import inspect
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

import pytest

import coursekit
from coursekit.cases import CASES
from coursekit.cases.claim import Raises
from coursekit.cases.script import diff, flat_script
from coursekit.cli.entry import COMMANDS
from coursekit.evidence import stored_scores
from tests.browser.lab import Tab, browse

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
LESSONS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
SCREENS = {"phone": (390, 844), "desk": (1280, 900)}

FOLDED = """() => [...document.querySelectorAll('.cell_output')].map(
    output => output.closest('details') !== null && !output.checkVisibility())"""
ALT = "() => [...document.querySelectorAll('.cell_output img')].map(image => image.alt)"
OPEN_ALL = "() => document.querySelectorAll('details').forEach(item => { item.open = true; })"
TEXTS = "blocks => blocks.map(block => block.textContent.replace(/^\\n+|\\n+$/g, ''))"
BEYOND = "() => document.documentElement.scrollWidth - innerWidth"


class Quiet(SimpleHTTPRequestHandler):
    """A file server that writes no log."""

    def log_message(self, *_: object) -> None:
        return


@dataclass(frozen=True, kw_only=True)
class Site:
    """The pages, served."""

    address: str
    tab: Tab

    def open(self, page: str) -> None:
        self.tab.page.goto(f"{self.address}/{page}")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Built once, and served as any web server would."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "tools/build_site.py", "--into", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", params=SCREENS)
def site(request: pytest.FixtureRequest, address: str, chromium: str) -> Iterator[Site]:
    width, height = SCREENS[request.param]
    with browse(chromium, width=width, height=height) as tab:
        yield Site(address=address, tab=tab)


def cells(lesson: str) -> list[dict[str, Any]]:
    """The code cells of a lesson that gave something."""
    stored = json.loads((NOTEBOOKS / f"{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]
    return [cell for cell in stored if cell.get("outputs")]


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_shows_what_it_stores_and_folds_what_it_hides(site: Site, lesson: str) -> None:
    site.open(f"lessons/{lesson}.html")
    folded = [cell["metadata"].get("jupyter", {}) for cell in cells(lesson)]
    assert site.tab.page.evaluate(FOLDED) == [bool(one.get("outputs_hidden")) for one in folded]
    outputs = [output for cell in cells(lesson) for output in cell["outputs"]]
    words = site.tab.page.evaluate(ALT)
    assert len(words) == sum("image/png" in output.get("data", {}) for output in outputs)
    assert all(len(alt) > 20 for alt in words)
    site.tab.page.evaluate(OPEN_ALL)
    assert site.tab.page.evaluate(BEYOND) <= 0


@pytest.mark.parametrize(
    "page", ["index", "symptoms", "failures/index", "coursekit", "commands", "instructors"]
)
def test_no_page_is_wider_than_the_screen(site: Site, page: str) -> None:
    site.open(f"{page}.html")
    assert site.tab.page.evaluate(BEYOND) <= 0


def test_a_click_opens_a_folded_output(site: Site) -> None:
    site.open("lessons/01_unscaled_features.html")
    folded = site.tab.page.locator("details:has(.cell_output img)").first
    picture = folded.locator(".cell_output img")
    assert not picture.is_visible()
    folded.locator("summary").click()
    assert picture.is_visible()
    wide = "img => [img.naturalWidth, img.getBoundingClientRect().width <= innerWidth]"
    natural, fits = picture.evaluate(wide)
    assert natural > 400
    assert fits


def test_the_search_finds_the_lesson_and_the_failure(site: Site) -> None:
    site.open("search.html?q=zero_grad")
    for page in ("lessons/06_broken_loop", "failures/missing-zero-grad"):  # listed one by one
        site.tab.page.locator(f"#search-results a[href*='{page}']").first.wait_for()


def test_a_lesson_leads_to_the_next_and_to_those_it_names(site: Site) -> None:
    site.open("lessons/00_start_here.html")
    links = site.tab.page.locator("article a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    assert {f"{name}.html" for name in LESSONS[1:]} <= {str(link).split("#")[0] for link in links}
    site.tab.page.locator("a.right-next").click()
    assert site.tab.page.url.endswith("/lessons/01_unscaled_features.html")


def test_the_commands_of_a_lesson_lead_to_its_failures(site: Site) -> None:
    site.open("lessons/06_broken_loop.html")
    links = site.tab.page.locator("article a:has(code)").evaluate_all(
        "links => links.map(link => [link.textContent, link.getAttribute('href')])"
    )
    leading = {text: href for text, href in links if text.startswith("coursekit cases")}
    assert len(leading) >= 6
    assert all(href == f"../failures/{text.split()[-1]}.html" for text, href in leading.items())


def test_a_symptom_leads_to_a_failure_and_back(site: Site) -> None:
    site.open("symptoms.html")
    site.tab.page.locator("article a", has_text="one-nan").first.click()
    assert site.tab.page.locator("article h1").inner_text().startswith("one-nan")
    site.tab.page.locator("article a", has_text="The loss is NaN or infinite").click()
    section = site.tab.page.locator("section:target")
    assert "it is in the inputs already" in section.first.inner_text()


@pytest.mark.parametrize("site", ["phone"], indirect=True)  # where a page may be too wide
def test_each_failure_has_its_scripts_and_no_page_is_wider_than_the_screen(site: Site) -> None:
    for case in CASES:
        site.open(f"failures/{case.name}.html")
        code = site.tab.page.locator("article .highlight pre").evaluate_all(TEXTS)
        programs = [case.broken, case.fixed, *([case.keras.broken] if case.keras.broken else [])]
        written = [diff(case.broken, case.fixed), *map(flat_script, programs)]
        assert code[: len(written)] == [text.strip("\n") for text in written], case.name
        site.tab.page.evaluate(OPEN_ALL)
        assert site.tab.page.evaluate(BEYOND) <= 0, case.name


def test_a_picture_has_a_mark_for_each_run(address: str) -> None:
    """Each of the twenty seeds of each recipe, but for runs whose score is not finite."""
    for case in CASES:
        if isinstance(case.claim, Raises):
            continue
        with urlopen(f"{address}/_images/{case.name}.svg") as answer:
            picture = answer.read().decode()
        marks = [group.count("<use ") for group in picture.split('id="PathCollection_')[1:]]
        runs = stored_scores(case.name, score=case.claim.score)
        recipes = ["broken", *(rival.name for rival in case.rivals), "fixed", "healthy"]
        finite = [
            sum(math.isfinite(score) for score in runs[name]) for name in recipes if name in runs
        ]
        assert len(finite) >= 2
        assert marks[: len(finite) - 1] == finite[:-1], case.name  # the axes follow the last


def test_the_reference_has_every_public_name(site: Site) -> None:
    site.open("coursekit.html")
    ids = site.tab.page.locator("article dt[id]").evaluate_all("all => all.map(one => one.id)")
    for home in (coursekit, coursekit.plots, coursekit.widgets):
        names = [name for name in home.__all__ if inspect.isroutine(getattr(home, name))]
        assert {f"{home.__name__}.{name}" for name in names} <= set(ids)
    assert {"coursekit.Record", "coursekit.KerasRecorder", "coursekit.Sweep"} <= set(ids)


def test_the_commands_are_those_there_are(site: Site) -> None:
    site.open("commands.html")
    headings = site.tab.page.locator("article h2").all_inner_texts()
    assert [heading.strip("#\n ") for heading in headings] == [
        f"coursekit {name}" for name in COMMANDS
    ]


def test_nothing_was_asked_of_the_network_and_the_console_is_silent(site: Site) -> None:
    assert site.tab.outside == []
    assert site.tab.complaints == []
