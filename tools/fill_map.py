"""Write the map of symptoms into lesson 00; run it after a new lesson or a change to the map."""

import re
from pathlib import Path

from coursekit.symptoms import markdown

ROOT = Path(__file__).resolve().parents[1]
START = ROOT / "lessons" / "00_start_here.py"
_CELL = re.compile(r'(# %% \[markdown\] tags=\["symptoms"\]\n)(?:#.*\n)*')


def filled(root: Path = ROOT) -> str:
    """Lesson 00 with the map in its cell; the lessons that are written are linked."""
    start = root / "lessons" / START.name
    written = {path.stem for path in start.parent.glob("[0-9][0-9]_*.py")}
    lines = [f"# {line}".rstrip() for line in markdown(written).splitlines()]
    cell = "\n".join(lines) + "\n"
    text, count = _CELL.subn(lambda found: found[1] + cell, start.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{start.name} has {count} cells tagged 'symptoms'; it needs one.")
    return text


if __name__ == "__main__":
    START.write_text(filled(), encoding="utf-8")
    print(f"Wrote the map into {START.relative_to(ROOT)}.")
