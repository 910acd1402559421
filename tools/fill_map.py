"""Write the map of symptoms into lesson 00; run it after a new lesson or a change to the map."""

import re

from nbtools.targets import ROOT, targets

from coursekit.symptoms import markdown

START = ROOT / "lessons" / "00_start_here.py"
_CELL = re.compile(r'(# %% \[markdown\] tags=\["symptoms"\]\n)(?:#.*\n)*')


def filled() -> str:
    """Lesson 00 with the map in its cell; the lessons that are written are linked."""
    written = [target.path.stem for target in targets() if target.kind == "lesson"]
    lines = [f"# {line}".rstrip() for line in markdown(written).splitlines()]
    cell = "\n".join(lines) + "\n"
    text, count = _CELL.subn(lambda found: found[1] + cell, START.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{START.name} has {count} cells tagged 'symptoms'; it needs one.")
    return text


if __name__ == "__main__":
    START.write_text(filled(), encoding="utf-8")
    print(f"Wrote the map into {START.relative_to(ROOT)}.")
