"""Write the map of symptoms into lesson 00: ``python tools/fill_map.py``.

Run it after a new lesson, a new case or a change to the map, and build lesson 00 then.
"""

import argparse
import re
import sys
from collections.abc import Iterable

from nbtools.targets import ROOT, targets

from coursekit.cases import CASES
from coursekit.errors import CoursekitError
from coursekit.symptoms import markdown, places

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


def unlisted(names: Iterable[str]) -> list[str]:
    """A sentence for each case that stands nowhere on the map."""
    return [
        f"Case {name!r} stands nowhere on the map. Add a lead for it in "
        "coursekit/symptoms/table.py: what one sees, and the name of the case."
        for name in names
        if not list(places(name))
    ]


def main() -> int:
    """Write it; 1 where a case is on the map alone or in the catalogue alone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.parse_args()
    try:
        faults = unlisted(case.name for case in CASES)
        text = filled()
    except CoursekitError as error:
        print(
            f"{error}\nA case of the map (coursekit/symptoms/table.py) must stand in _PLACES of "
            "coursekit/cases/__init__.py, under its lesson and by the same name.",
            file=sys.stderr,
        )
        return 1
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        return 1
    START.write_text(text, encoding="utf-8")
    print(f"Wrote the map into {START.relative_to(ROOT)}. Now: python tools/build_notebooks.py 00")
    return 0


if __name__ == "__main__":
    sys.exit(main())
