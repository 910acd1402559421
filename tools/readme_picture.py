"""The README's picture: lesson 01 in JupyterLab, its slider moved by keyboard.

python tools/readme_picture.py
"""

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.lab import browse, find_chromium, serve  # noqa: E402

NAME = "01_unscaled_features.ipynb"
TARGET = ROOT / "docs" / "lesson-01.png"


def main() -> int:
    """Run the lesson, move the slider four steps up and take the picture."""
    chromium = find_chromium()
    if chromium is None:
        print("No Chromium was found. On Debian: sudo apt install chromium")
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "learner")
        shutil.copytree(ROOT / "notebooks", root / "notebooks")
        with (
            serve(root, Path(scratch, "lab")) as server,
            browse(chromium, width=1100, height=1010) as tab,
        ):
            tab.open(server.address(f"notebooks/{NAME}"))
            tab.run_all_cells(timeout_s=400)
            for index in range(60):
                tab.scroll_to(index)
                if tab.page.locator(".noUi-handle").count():
                    break
            tab.page.locator(".noUi-handle").focus()
            for _ in range(4):
                tab.page.keyboard.press("ArrowRight")
            tab.page.wait_for_function(
                "() => document.querySelector('.ck-status').innerText.includes('= 100:')"
            )
            tab.page.locator(".noUi-handle").scroll_into_view_if_needed()
            tab.page.wait_for_timeout(500)
            tab.page.screenshot(path=str(TARGET))
    print(TARGET.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
