"""Run notebooks as on other processors: ``python tools/compare_arithmetic.py [NAME…]``.

Sums are added there in another order, and a chaotic run ends elsewhere. No printed line may hang on
it: of such a run a lesson prints on which side of a limit it ends. Lists each line that differs.
About 20 s for a notebook and an arithmetic; all of them take most of an hour.
"""

import argparse
import sys
import time

from nbtools.arithmetic import OTHERS
from nbtools.targets import Target, select, targets
from nbtools.verdicts import differing_with

from coursekit.errors import CoursekitError


def compare(chosen: list[Target]) -> int:
    """Run each with every other arithmetic; how many lines differ."""
    differ = 0
    for number, target in enumerate(chosen, start=1):
        for name, arithmetic in OTHERS.items():
            head = f"[{number}/{len(chosen)}] {target.label}, {name}"
            print(f"{head}: running", flush=True)
            start_s = time.perf_counter()
            lines = differing_with(arithmetic, target)
            differ += len(lines)
            elapsed_s = time.perf_counter() - start_s
            print(f"    {len(lines)} lines differ ({elapsed_s:.0f} s)", flush=True)
            print(*(f"    {line}" for line in lines), sep="\n", end="\n" if lines else "")
    return differ


def main() -> int:
    """The command line: 1 where a line differs."""
    parser = argparse.ArgumentParser(description="Run notebooks as on other processors.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="01, or notebooks/01_name")
    options = parser.parse_args()
    answered = [target for target in targets() if target.kind != "exercise"]
    try:
        chosen = select(answered, options.names)
    except CoursekitError as error:
        parser.error(str(error))
    return 1 if compare(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
