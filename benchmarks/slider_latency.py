"""How long a learner waits for a slider: key press to new picture, in a real browser.

    python benchmarks/slider_latency.py [--moves N] [--save]

Run it on a machine that does nothing else. It starts JupyterLab and a headless Chromium, moves the
first slider of each lesson's control by keyboard, and times, on the page's own clock, from the key
event to the first new picture that the image element has decoded and to the last one. A first
picture counts only if it shows the new run: its curve has begun (read from the pixels). Where the
browser decodes none before the final one, that one is the first.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import TimeoutError  # noqa: A004 - the page's, which is not the built-in

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from results import add_save, processor, read, unsaved  # noqa: E402

from coursekit import get_case, widgets  # noqa: E402
from tests.browser.lab import NO_BROWSER, Tab, browse, find_chromium, serve  # noqa: E402

NAME = "slider_latency"
SHORT_MS = 100.0  # a run that ends sooner has the first two bars, a longer one the third
BARS_MS = {"short, median": 100.0, "short, p95": 200.0, "long, median": 150.0}
SETUP = "import torch; torch.set_num_threads(1)  # as the lessons' set-up does"
CALLS = {
    "01": 'widgets.explore(get_case("unscaled-features"), "proline_spread")',
    "02": 'widgets.explore(get_case("forgotten-normalize"), "mean_in_use", rows="test")',
    "03": 'widgets.explore(get_case("learning-rate-too-high"), "lr")',
    "04": (
        'widgets.explore(get_case("vanishing-gradients"), '
        '"depth", "activation", "initialise", below="gradients")'
    ),
}
LOSS_ENDS = {False: 0.55, True: 0.445}  # share of the height; True: gradients are drawn below
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
PACKAGES = ("anywidget", "ipykernel", "ipywidgets", "jupyterlab", "matplotlib", "numpy", "torch")

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

# For each picture: milliseconds since the key, and where on the x axis the blue curve of the loss
# ends, from 0 to 1: its axes lie between .12 and .975 of the width, .1 and `end` of the height.
READ = """end => window.watch.pictures.map(({time, canvas}) => {
    const top = Math.round(.1 * canvas.height);
    const {data, width, height} = canvas.getContext('2d').getImageData(
        0, top, canvas.width, Math.round(end * canvas.height) - top);
    let last = 0;
    for (let y = 0; y < height; y++) for (let x = last; x < width; x++) {
        const i = 4 * (y * width + x);
        if (data[i] < 40 && Math.abs(data[i + 1] - 114) < 20 && data[i + 2] > 150) last = x;
    }
    return {ms: time - window.watch.key, reach: (last / width - .12) / .855};
})"""


@dataclass(frozen=True, kw_only=True)
class Slider:
    """The first slider of a lesson's control, at its start.

    Attributes:
        call: The code that makes the control.
        label: What the slider moves.
        positions: Where it can stand.
        start: The place in them where it begins.
        end: What follows a position in the control's sentence.
        loss_end: Where the picture of the loss ends, as a share of the height.
    """

    call: str
    label: str
    positions: tuple[str, ...]
    start: int
    end: str
    loss_end: float

    @classmethod
    def of(cls, call: str) -> "Slider":
        """The slider that a call would show."""
        made = eval(call, {"widgets": widgets, "get_case": get_case})
        knobs = made.state.setting.knobs
        positions = tuple(knobs[0].positions)
        return cls(
            call=call, label=knobs[0].label, positions=positions,
            start=positions.index(knobs[0].first), end=":" if len(knobs) == 1 else ",",
            loss_end=LOSS_ENDS["gradients" in call],
        )  # fmt: skip


def main() -> int:
    """Measure, print, and store where asked."""
    parser = argparse.ArgumentParser(description="Key press on a slider to new picture.")
    parser.add_argument("--moves", type=int, default=30, help="key presses that count (30)")
    add_save(parser)
    options = parser.parse_args()
    moves: int = options.moves
    chromium = find_chromium()
    if chromium is None:
        print(NO_BROWSER, file=sys.stderr)
        return 1
    samples = {lesson: measure(chromium, Slider.of(call), moves) for lesson, call in CALLS.items()}
    result = summarise(samples, chromium)
    print(table(result))
    if options.save is None:
        stored = read(NAME)
        print(
            f"stored:\n{table(stored)}" if stored else "", unsaved(f"{NAME}.json", stored), sep="\n"
        )
        return 0
    options.save.mkdir(parents=True, exist_ok=True)
    path = options.save / f"{NAME}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"Written: {path}")
    return 0


def measure(chromium: str, slider: Slider, moves: int) -> list[dict[str, Any]]:
    """The samples of so many key presses, after one that warms up and does not count."""
    with tempfile.TemporaryDirectory(prefix="coursekit-benchmark-") as name:
        root = Path(name, "learner")
        root.mkdir()
        sources = (SETUP, "from coursekit import get_case, widgets", slider.call)
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
        nbformat.write(notebook, root / "slider.ipynb")
        with serve(root, Path(name, "lab")) as server, browse(chromium) as tab:
            tab.open(server.address("slider.ipynb"))
            tab.run_all_cells(timeout_s=200)
            tab.page.wait_for_selector(".ck-picture img")
            tab.page.evaluate(STOPWATCH)
            tab.page.locator(".noUi-handle").first.focus()
            return [press(tab, slider, *where) for where in route(slider, moves + 1)][1:]


def route(slider: Slider, moves: int) -> list[tuple[str, str]]:
    """Keys to press and the settings that they lead to: up the whole range, down, up …"""
    keys, place, step = [], slider.start, 1
    for _ in range(moves):
        if not 0 <= place + step < len(slider.positions):
            step = -step
        place += step
        keys.append(("ArrowRight" if step > 0 else "ArrowLeft", slider.positions[place]))
    return keys


def press(tab: Tab, slider: Slider, key: str, wanted: str) -> dict[str, Any]:
    """One key press, waited for to its end: when the first and the last picture came."""
    tab.page.keyboard.press(key)
    try:
        tab.page.wait_for_function(
            "wanted => document.querySelector('.ck-status').innerText.includes(wanted)",
            arg=f"This run, {slider.label} = {wanted}{slider.end}",
        )
    except TimeoutError as error:
        shown = tab.page.locator(".widget-output, .jp-OutputArea").first.inner_text()
        raise RuntimeError(f"No run at {wanted} came to its end. On screen:\n{shown}") from error
    tab.page.wait_for_timeout(400)  # at rest; no more pictures are due
    pictures = tab.page.evaluate(READ, slider.loss_end)
    first, last = pictures[0], pictures[-1]
    grows = 0 < first["reach"] <= last["reach"] <= 1.01
    if not (grows or len(pictures) == 1):  # one picture: the browser was busy until the end
        raise RuntimeError(f"The first picture does not show the new run: {pictures}")
    return {
        "setting": float(wanted),
        "first_ms": round(first["ms"], 1),
        "first_reach": round(first["reach"], 3),
        "final_ms": round(last["ms"], 1),
        "pictures": len(pictures),
    }


def summarise(samples: dict[str, list[dict[str, Any]]], chromium: str) -> dict[str, Any]:
    """The samples with their median and 95th percentile, and where they were taken."""
    return {
        "what": "first slider of each lesson: key press to picture decoded in the browser, in ms",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": processor(), "cores": os.cpu_count(), "load_1_min": _load()},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
            "browser": Path(chromium).name,
        },
        "bars_first_ms": BARS_MS,
        "lessons": {
            lesson: {
                "moves": len(taken),
                "first_ms": _spread([sample["first_ms"] for sample in taken]),
                "final_ms": _spread([sample["final_ms"] for sample in taken]),
                "samples": taken,
            }
            for lesson, taken in samples.items()
        },
    }


def table(result: dict[str, Any]) -> str:
    """What was measured, for a terminal."""
    lines = ["key press to, ms  first picture: median   p95   final picture: median   p95"]
    for lesson, found in result["lessons"].items():
        first, final = found["first_ms"], found["final_ms"]
        length = "short" if final["median"] <= SHORT_MS else "long"
        bars = {name: bar for name, bar in BARS_MS.items() if name.startswith(length)}
        met = all(first[name.split(", ")[1]] <= bar for name, bar in bars.items())
        lines.append(
            f"lesson {lesson}{first['median']:>31.0f}{first['p95']:>6.0f}{final['median']:>24.0f}"
            f"{final['p95']:>6.0f}   bars {'met' if met else 'NOT met'}"
        )
    machine = result["machine"]
    words = ", ".join(f"{name} {bar:.0f} ms" for name, bar in BARS_MS.items())
    lines.append(f"bars for the first picture (short: over in {SHORT_MS:.0f} ms): {words}")
    lines.append(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_1_min']}")
    return "\n".join(lines)


def _spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    parts = statistics.quantiles(values, n=20, method="inclusive")
    return {"median": round(statistics.median(values), 1), "p95": round(parts[-1], 1)}


def _load() -> float | None:
    """The load of the last minute; above one per core, something else was running."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


if __name__ == "__main__":
    sys.exit(main())
