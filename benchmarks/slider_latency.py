"""How long a learner waits for the slider: key press to new picture, in a real browser.

Run it on a machine that does nothing else: ``python benchmarks/slider_latency.py``. It starts
JupyterLab and a headless Chromium, moves the slider of lesson 01 by keyboard, and times, on the
page's own clock, from the key event to the first new picture that the image element has decoded
and to the last one. A first picture counts only if it shows the new run: its curve has begun and
has not yet reached the end (read from the pixels). Where the browser decodes none before the final
one, that one is the first.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import TimeoutError  # noqa: A004 - the page's, which is not the built-in

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from results import processor  # noqa: E402

from tests.browser.lab import NO_BROWSER, Tab, browse, find_chromium, serve  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "slider_latency.json"
BAR_MS = 120.0
POSITIONS = ("0.1", "0.3", "1", "3", "10", "30", "100", "300", "1000")
START = POSITIONS.index("1")
CELLS = (
    "import torch; torch.set_num_threads(1)  # as the lesson's set-up does",
    "from coursekit import get_case, widgets",
    'widgets.explore(get_case("unscaled-features"), "proline_spread")',
)
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
PACKAGES = ("ipykernel", "ipywidgets", "jupyterlab", "matplotlib", "numpy", "torch")

# Notes the key event and every picture that the image element has loaded since; the pictures are
# looked at after the run, so that looking costs no time.
STOPWATCH = """() => {
    const image = document.querySelector('.ck-picture img');
    window.watch = {key: null, pictures: []};
    document.addEventListener('keydown', () => {
        window.watch = {key: performance.now(), pictures: []};
    }, true);
    image.addEventListener('load', () => {
        const time = performance.now();
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        canvas.getContext('2d').drawImage(image, 0, 0);
        window.watch.pictures.push({time, canvas});
    });
    return 0;
}"""

# For each picture: milliseconds since the key, and where on the x axis its blue curve ends, from
# 0 to 1 (the axes lie between .12 and .975 of the width; the title above them is left out).
READ = """() => window.watch.pictures.map(({time, canvas}) => {
    const top = Math.round(.1 * canvas.height);
    const {data, width, height} = canvas.getContext('2d').getImageData(
        0, top, canvas.width, canvas.height - top);
    let last = 0;
    for (let y = 0; y < height; y++) for (let x = last; x < width; x++) {
        const i = 4 * (y * width + x);
        if (data[i] < 40 && Math.abs(data[i + 1] - 114) < 20 && data[i + 2] > 150) last = x;
    }
    return {ms: time - window.watch.key, reach: (last / width - .12) / .855};
})"""


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description="Key press on the slider to new picture.")
    parser.add_argument("--moves", type=int, default=20, help="key presses that count (20)")
    moves: int = parser.parse_args().moves
    chromium = find_chromium()
    if chromium is None:
        print(NO_BROWSER, file=sys.stderr)
        return 1
    samples = measure(chromium, moves)
    result = summarise(samples, chromium)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(result))
    return 0


def measure(chromium: str, moves: int) -> list[dict[str, Any]]:
    """The samples of so many key presses, after one that warms up and does not count."""
    with tempfile.TemporaryDirectory(prefix="coursekit-benchmark-") as name:
        root = Path(name, "learner")
        root.mkdir()
        cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
        nbformat.write(notebook, root / "slider.ipynb")
        with serve(root, Path(name, "lab")) as server, browse(chromium) as tab:
            tab.open(server.address("slider.ipynb"))
            tab.run_all_cells(timeout_s=200)
            tab.page.wait_for_selector(".ck-picture img")
            tab.page.evaluate(STOPWATCH)
            tab.page.locator(".noUi-handle").focus()
            return [press(tab, key, wanted) for key, wanted in route(moves + 1)][1:]


def route(moves: int) -> list[tuple[str, str]]:
    """Keys to press and the settings that they lead to: up the whole range, down, up …"""
    keys, place, step = [], START, 1
    for _ in range(moves):
        if not 0 <= place + step < len(POSITIONS):
            step = -step
        place += step
        keys.append(("ArrowRight" if step > 0 else "ArrowLeft", POSITIONS[place]))
    return keys


def press(tab: Tab, key: str, wanted: str) -> dict[str, Any]:
    """One key press, waited for to its end: when the first and the last picture came."""
    tab.page.keyboard.press(key)
    try:
        tab.page.wait_for_function(
            "wanted => document.querySelector('.ck-status').innerText.includes(wanted)",
            arg=f"= {wanted}:",
        )
    except TimeoutError as error:
        shown = tab.page.locator(".widget-output, .jp-OutputArea").first.inner_text()
        raise RuntimeError(f"No run at {wanted} came to its end. On screen:\n{shown}") from error
    tab.page.wait_for_timeout(400)  # at rest; no more pictures are due
    pictures = tab.page.evaluate(READ)
    first, last = pictures[0], pictures[-1]
    grows = 0 < first["reach"] < last["reach"] <= 1.01
    if not (grows or len(pictures) == 1):  # one picture: the browser was busy until the end
        raise RuntimeError(f"The first picture does not show the new run: {pictures}")
    return {
        "setting": float(wanted),
        "first_ms": round(first["ms"], 1),
        "first_reach": round(first["reach"], 3),
        "final_ms": round(last["ms"], 1),
        "pictures": len(pictures),
    }


def summarise(samples: list[dict[str, Any]], chromium: str) -> dict[str, Any]:
    """The samples with their median and 90th percentile, and where they were taken."""
    return {
        "what": "slider of lesson 01: key press to picture decoded in the browser, in ms",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": processor(), "cores": os.cpu_count(), "load_1_min": _load()},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
            "browser": Path(chromium).name,
        },
        "moves": len(samples),
        "bar_first_ms": BAR_MS,
        "first_ms": _spread([sample["first_ms"] for sample in samples]),
        "final_ms": _spread([sample["final_ms"] for sample in samples]),
        "samples": samples,
    }


def table(result: dict[str, Any]) -> str:
    """What was measured, for a terminal."""
    met = "met" if result["first_ms"]["median"] < result["bar_first_ms"] else "NOT met"
    lines = [f"{'key press to':<16}{'median':>10}{'p90':>10}   ({result['moves']} moves, ms)"]
    for name, label in (("first_ms", "first picture"), ("final_ms", "final picture")):
        spread = result[name]
        lines.append(f"{label:<16}{spread['median']:>10.0f}{spread['p90']:>10.0f}")
    machine = result["machine"]
    lines.append(f"bar: first picture under {result['bar_first_ms']:.0f} ms, median: {met}")
    lines.append(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_1_min']}")
    return "\n".join(lines)


def _spread(values: list[float]) -> dict[str, float]:
    """Median and 90th percentile."""
    deciles = statistics.quantiles(values, n=10, method="inclusive")
    return {"median": round(statistics.median(values), 1), "p90": round(deciles[-1], 1)}


def _load() -> float | None:
    """The load of the last minute; above one per core, something else was running."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


if __name__ == "__main__":
    sys.exit(main())
