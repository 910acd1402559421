"""Run lessons as on other processors: ``python tools/compare_arithmetic.py [NAME…]``.

Digits of chaotic runs may differ there; words may not: what a lesson prints as "learns" or "larger"
must hold on a learner's machine too. Lists each line whose words differ.
"""

import sys

from nbtools.arithmetic import OTHERS
from nbtools.targets import select, targets
from nbtools.verdicts import flipped_with

from coursekit.errors import CoursekitError


def main(names: list[str]) -> int:
    """The command line: 1 where a line differs in words."""
    try:
        chosen = select([target for target in targets() if target.kind == "lesson"], names)
    except CoursekitError as error:
        print(error, file=sys.stderr)
        return 2
    differ = 0
    for target in chosen:
        for name, arithmetic in OTHERS.items():
            lines = flipped_with(arithmetic, target)
            differ += len(lines)
            print(f"{target.label}, {name}: {len(lines)} lines differ in words", flush=True)
            print(*(f"    {line}" for line in lines), sep="\n", end="\n" if lines else "")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
