"""Run lessons as on other processors: ``python tools/compare_arithmetic.py [NAME…]``.

Digits of chaotic runs may differ there; words may not: what a lesson prints as "learns" or "larger"
must hold on a learner's machine too. Lists each line whose words differ. About 40 s for a lesson
and an arithmetic; all lessons take some twenty minutes.
"""

import argparse
import sys
import time

from nbtools.arithmetic import OTHERS
from nbtools.targets import Target, select, targets
from nbtools.verdicts import flipped_with

from coursekit.errors import CoursekitError


def compare(chosen: list[Target]) -> int:
    """Run each with every other arithmetic; how many lines differ in words."""
    differ = 0
    for number, target in enumerate(chosen, start=1):
        for name, arithmetic in OTHERS.items():
            head = f"[{number}/{len(chosen)}] {target.label}, {name}"
            print(f"{head}: running", flush=True)
            start_s = time.perf_counter()
            lines = flipped_with(arithmetic, target)
            differ += len(lines)
            elapsed_s = time.perf_counter() - start_s
            print(f"    {len(lines)} lines differ in words ({elapsed_s:.0f} s)", flush=True)
            print(*(f"    {line}" for line in lines), sep="\n", end="\n" if lines else "")
    return differ


def main() -> int:
    """The command line: 1 where a line differs in words."""
    parser = argparse.ArgumentParser(description="Run lessons as on other processors.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="01, or notebooks/01_name")
    options = parser.parse_args()
    lessons = [target for target in targets() if target.kind == "lesson"]
    try:
        chosen = select(lessons, options.names)
    except CoursekitError as error:
        parser.error(str(error))
    return 1 if compare(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
