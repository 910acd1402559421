"""Show a notebook as pictures: ``python tools/render_notebook.py notebooks/X.ipynb OUTDIR``.

Writes ``OUTDIR/X.html`` and ``OUTDIR/X-01.png``, … cut between cells where they fit. An output
that is stored hidden is drawn with a dashed border. No network is used.
"""

import argparse
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from nbtools.export import to_html
from nbtools.source import read_notebook
from playwright.sync_api import Page, Route, sync_playwright

WIDTH = 1100  # pixels
HEIGHT = 1400  # pixels, at most, of one picture
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_STYLE = """
.outputs-hidden .jp-Cell-outputWrapper { border: 2px dashed #999; }
.folded > summary { margin-left: 80px; color: #666; font-size: 12px; }
"""
_TOPS = "cells => cells.map(cell => cell.getBoundingClientRect().top + window.scrollY)"


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One picture's part of the page, in pixels from its top."""

    top: int
    bottom: int


def slices(tops: list[float], total: float, *, limit: int = HEIGHT) -> list[Slice]:
    """Cut a page of height ``total`` into pictures, before a cell wherever one is near enough.

    Args:
        tops: Where each cell begins, in pixels.
        total: Height of the page, in pixels.
        limit: The largest height of a picture, in pixels.

    >>> slices([0, 600, 1000, 4000], 4100, limit=1400)[1]
    Slice(top=1000, bottom=2400)
    >>> [part.bottom - part.top for part in slices([0, 600, 1000, 4000], 4100, limit=1400)]
    [1000, 1400, 1400, 300]
    """
    parts: list[Slice] = []
    start = 0
    while start < int(total):
        reach = start + limit
        inside = [int(top) for top in tops if start + limit // 3 < top <= reach]
        end = int(total) if total <= reach else (max(inside) if inside else reach)
        parts.append(Slice(top=start, bottom=end))
        start = end
    return parts


def chromium() -> str:
    """The system's browser: ``CHROMIUM`` names another one."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        sys.exit("No chromium was found. Install it (apt install chromium), or set CHROMIUM.")
    return found


def only_local(route: Route) -> None:
    """Refuse whatever would need a network."""
    if route.request.url.startswith(("file:", "data:", "blob:")):
        route.continue_()
    else:
        route.abort()


def photograph(page: Page, target: Path) -> list[Path]:
    """The open page as numbered pictures beside ``target``."""
    tops = page.eval_on_selector_all(".jp-Cell", _TOPS)
    total = page.evaluate("document.documentElement.scrollHeight")
    pictures = []
    for number, part in enumerate(slices(tops, total), start=1):
        path = target.with_name(f"{target.name}-{number:02d}.png")
        clip = {"x": 0, "y": part.top, "width": WIDTH, "height": part.bottom - part.top}
        page.screenshot(path=path, clip=clip, full_page=True)  # type: ignore[arg-type]
        pictures.append(path)
    return pictures


def render(notebook: Path, folder: Path, *, open_details: bool = False) -> list[Path]:
    """Write the page and its pictures.

    Args:
        notebook: The notebook to show.
        folder: Where the files go; made if need be.
        open_details: Show what collapsed parts hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    html = folder / f"{notebook.stem}.html"
    html.write_text(to_html(read_notebook(notebook)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.route("**/*", only_local)
        page.goto(html.resolve().as_uri(), wait_until="load")
        page.add_style_tag(content=_STYLE)
        if open_details:
            page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true })")
        pictures = photograph(page, folder / notebook.stem)
        browser.close()
    return pictures


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Show a notebook as pictures.")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--open-details", action="store_true", help="show collapsed parts")
    options = parser.parse_args()
    if not options.notebook.is_file():
        parser.error(f"There is no notebook {str(options.notebook)!r}. Build it first.")
    for path in render(options.notebook, options.folder, open_details=options.open_details):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
