"""Lesson 01 as a learner meets it: the real notebook in JupyterLab in a headless Chromium."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from coursekit import get_case
from coursekit.predictions import Predictions
from tests.browser.lab import Server, Tab, browse, serve

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAME = "01_unscaled_features.ipynb"

# Console errors that say nothing about the course: (pattern, reason).
HARMLESS: tuple[tuple[str, str], ...] = ()

OUTPUT_AS_SEEN = """index => {
    const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
    const seen = element => element.getBoundingClientRect().height > 0;
    return {
        folded: [...cell.node.querySelectorAll('.jp-OutputPlaceholder')].some(seen),
        shown: [...cell.node.querySelectorAll('.jp-OutputArea-output')].some(seen),
    };
}"""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """The lesson after *Run All Cells*, and how it looked before."""

    tab: Tab
    server: Server
    stored: dict[str, Any]
    before: dict[int, dict[str, bool]]

    def cell_with(self, call: str) -> int:
        """The index of the one code cell whose source holds a call."""
        (index,) = (
            index
            for index, cell in enumerate(self.stored["cells"])
            if cell["cell_type"] == "code" and call in "".join(cell["source"])
        )
        return index

    def is_code_folded(self, index: int) -> bool:
        """Whether a cell is stored with its code folded away."""
        metadata = self.stored["cells"][index]["metadata"]
        return bool(metadata.get("jupyter", {}).get("source_hidden"))

    def cells_now(self) -> list[dict[str, Any]]:
        """The cells of the open notebook, outputs included."""
        model: dict[str, Any] = self.tab.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.model.toJSON()"
        )
        cells: list[dict[str, Any]] = model["cells"]
        return cells


@pytest.fixture(scope="module")
def lesson(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """The notebook, looked at, run to its end, and open."""
    root = tmp_path_factory.mktemp("learner")
    shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".*"))
    stored = json.loads((NOTEBOOKS / NAME).read_text(encoding="utf-8"))
    scratch = tmp_path_factory.mktemp("lab")
    with serve(root, scratch) as server, browse(chromium) as tab:
        tab.open(server.address(f"notebooks/{NAME}"))
        before = {index: as_seen(tab, index) for index in hidden_cells(stored)}
        tab.run_all_cells(timeout_s=400)
        yield Lesson(tab=tab, server=server, stored=stored, before=before)


def hidden_cells(notebook: dict[str, Any]) -> list[int]:
    """The cells that are stored with their outputs folded away."""
    return [
        index
        for index, cell in enumerate(notebook["cells"])
        if cell["metadata"].get("jupyter", {}).get("outputs_hidden")
    ]


def as_seen(tab: Tab, index: int) -> dict[str, bool]:
    """Whether a cell's output is folded, and whether any of it is seen."""
    tab.scroll_to(index)
    seen: dict[str, bool] = tab.page.evaluate(OUTPUT_AS_SEEN, index)
    return seen


def test_outputs_that_follow_the_prediction_are_folded_in_the_stored_notebook(
    lesson: Lesson,
) -> None:
    following = [
        index
        for index, cell in enumerate(lesson.stored["cells"])
        if cell["cell_type"] == "code"
        and cell["outputs"]
        and index > lesson.cell_with("widgets.predict(")
        and "after-prediction" in cell["metadata"].get("tags", [])
    ]
    assert len(following) > 5
    assert set(following) <= set(lesson.before)
    assert [index for index, seen in lesson.before.items() if seen["shown"]] == []
    # Where the code is folded too, one bar stands for the whole cell.
    bars = {index for index, seen in lesson.before.items() if not seen["folded"]}
    assert bars == {index for index in lesson.before if lesson.is_code_folded(index)}


def test_running_a_cell_unfolds_its_output(lesson: Lesson) -> None:
    for index in lesson.before:
        if lesson.cells_now()[index]["outputs"]:
            assert as_seen(lesson.tab, index) == {"folded": False, "shown": True}, index


def test_every_cell_ran_without_an_error(lesson: Lesson) -> None:
    for index, cell in enumerate(lesson.cells_now()):
        if cell["cell_type"] != "code":
            continue
        assert cell["execution_count"], f"cell {index} did not run"
        errors = [each for each in cell["outputs"] if each["output_type"] == "error"]
        allowed = "raises-exception" in cell["metadata"].get("tags", [])
        assert not errors or allowed, (index, errors)


def test_before_a_move_the_slider_shows_the_reference(lesson: Lesson) -> None:
    lesson.tab.scroll_to(lesson.cell_with("widgets.explore("))
    page = lesson.tab.page
    said = page.locator(".ck-status").inner_text()
    assert said.startswith("Reference, 1:")
    assert "This run" not in said
    shown = page.evaluate("() => document.querySelector('.ck-picture img')?.naturalWidth ?? 0")
    assert shown > 600


@pytest.mark.parametrize(
    ("keys", "setting"),
    [(["ArrowRight"] * 3, 30.0), (["ArrowRight"], 100.0), (["End"], 1000.0), (["Home"], 0.1)],
    ids=["three quick steps", "one step", "the last", "the first"],
)
def test_the_slider_moves_by_keyboard_and_its_numbers_are_a_fresh_runs(
    lesson: Lesson, keys: list[str], setting: float
) -> None:
    lesson.tab.scroll_to(lesson.cell_with("widgets.explore("))
    page = lesson.tab.page
    handle = page.locator(".noUi-handle")
    handle.focus()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function(
        "wanted => document.querySelector('.ck-status').innerText.includes(wanted)",
        arg=f"= {setting:g}:",
    )
    expect(page.locator(".widget-readout")).to_have_text(f"{setting:g}")
    fresh, validation = fresh_numbers(setting)
    said = page.locator(".ck-status").inner_text()
    assert shown(said, "test accuracy") == pytest.approx(fresh["test_accuracy"], rel=5e-3)
    assert shown(said, "test loss") == pytest.approx(fresh["test_loss"], rel=5e-3, nan_ok=True)
    assert shown(said, "validation accuracy") == pytest.approx(validation, rel=5e-3)
    assert ("diverged at step" in said) == (fresh["test_loss"] != fresh["test_loss"])
    assert lesson.tab.alarms() == []


def test_reset_brings_the_reference_back(lesson: Lesson) -> None:
    lesson.tab.scroll_to(lesson.cell_with("widgets.explore("))
    page = lesson.tab.page
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(
        "() => document.querySelector('.ck-status').innerText.startsWith('Reference')"
    )
    expect(page.locator(".widget-readout")).to_have_text("1")


def test_a_prediction_is_saved_by_a_click_and_shown_again(lesson: Lesson) -> None:
    index = lesson.cell_with("widgets.predict(")
    lesson.tab.scroll_to(index)
    page = lesson.tab.page
    store = Predictions(lesson.server.home)
    assert store.latest("01-fix") is None  # running the notebook stores nothing
    form = page.locator(".ck-predict")
    form.get_by_label("D. ").check()
    form.get_by_label("think").check()
    form.get_by_placeholder("a line of your own").fill("one column is huge")
    form.get_by_role("button", name="Save").click()
    page.wait_for_function(
        "() => document.querySelector('.ck-said').innerText.startsWith('Saved: D, think.')"
    )
    saved = store.latest("01-fix")
    assert saved is not None
    assert (saved.choice, saved.confidence, saved.reason) == ("D", "think", "one column is huge")

    stored_text = lesson.cells_now()[index]["outputs"][0]["data"]["text/plain"]
    page.evaluate(
        """index => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = index;
            window.jupyterapp.commands.execute('notebook:run-cell');
            return 0;
        }""",
        index,
    )
    page.wait_for_function(
        "() => document.querySelector('.ck-said')?.innerText.startsWith('Your saved answer: D')"
    )
    assert page.locator(".ck-predict").get_by_label("D. ").is_checked()
    assert lesson.cells_now()[index]["outputs"][0]["data"]["text/plain"] == stored_text


def test_the_arrow_keys_choose_in_a_form_and_move_no_cell(lesson: Lesson) -> None:
    index = lesson.cell_with("widgets.predict(")
    lesson.tab.scroll_to(index)
    form = lesson.tab.page.locator(".ck-predict")
    form.get_by_label("B. ").focus()
    for letter in ("C. ", "D. "):
        lesson.tab.page.keyboard.press("ArrowDown")
        assert form.get_by_label(letter).is_checked()
    active = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    assert lesson.tab.page.evaluate(active) == index


def test_skip_takes_one_click(lesson: Lesson) -> None:
    lesson.tab.scroll_to(lesson.cell_with("widgets.predict("))
    page = lesson.tab.page
    page.locator(".ck-predict").get_by_role("button", name="Skip").click()
    page.wait_for_function(
        "() => document.querySelector('.ck-said').innerText.startsWith('Skipped.')"
    )


def test_the_console_is_silent_and_nothing_was_asked_of_the_network(lesson: Lesson) -> None:
    heard = [
        complaint
        for complaint in lesson.tab.complaints
        if not any(re.search(pattern, complaint) for pattern, _ in HARMLESS)
    ]
    assert heard == []
    assert lesson.tab.outside == []


def fresh_numbers(setting: float) -> tuple[dict[str, float], float]:
    """Test scores and validation accuracy of a run made here, in this process."""
    recipe = get_case("unscaled-features").fixed.having(proline_spread=setting)
    setup = recipe.build(0, "cpu")
    for _ in recipe.train(setup):
        pass
    with torch.no_grad():
        inputs, labels = setup.val.tensors
        hits = setup.model(inputs).argmax(dim=1) == labels
    return recipe.evaluate(setup), hits.float().mean().item()


def shown(said: str, name: str) -> float:
    """The number that follows a name in the first sentence on the page."""
    found = re.search(rf"{name} (not a number|[\d.e+]+)", said)
    assert found is not None, said
    return float("nan") if found[1] == "not a number" else float(found[1].rstrip("."))
