"""Build the notebooks from their text sources: ``python tools/build_notebooks.py [NAME…]``.

Without a name, every notebook whose source has changed since it was built. ``--force`` builds
the others too, as is needed after a change to a case, to its evidence or to what a cell prints: a
notebook knows its own source alone. ``--check`` builds nothing and exits with 1 where a notebook is
out of date.
"""

import argparse
import sys
import time

from nbtools.build import build, is_current, write
from nbtools.targets import Target, select, targets

from coursekit.errors import CoursekitError


def check(chosen: list[Target]) -> int:
    """Say which notebooks are out of date."""
    stale = [target for target in chosen if not is_current(target)]
    for target in stale:
        print(f"out of date: {target.label} (source: {target.source.name})")
    print(f"{len(chosen) - len(stale)} of {len(chosen)} notebooks are up to date.")
    return 1 if stale else 0


def build_all(chosen: list[Target], *, force: bool) -> int:
    """Build what needs it; one notebook that fails does not keep the others from being built."""
    failed = 0
    for number, target in enumerate(chosen, start=1):
        head = f"[{number}/{len(chosen)}] {target.label}"
        if is_current(target) and not force:
            print(f"{head}: up to date", flush=True)
            continue
        print(f"{head}: building", flush=True)
        failed += not _build_one(target, anew=force)
    return 1 if failed else 0


def _build_one(target: Target, *, anew: bool) -> bool:
    """Build and write one notebook; say what went wrong where it did."""
    start_s = time.perf_counter()
    try:
        text = build(target, anew=anew)
    except CoursekitError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    write(target, text)
    elapsed_s = time.perf_counter() - start_s
    print(f"    {elapsed_s:.1f} s, {len(text.encode()) / 1000:.0f} kB", flush=True)
    return True


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build the notebooks from their text sources.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="01, or exercises/01_name")
    parser.add_argument("--check", action="store_true", help="build nothing; exit 1 if stale")
    parser.add_argument("--force", action="store_true", help="build what is up to date too")
    options = parser.parse_args()
    try:
        chosen = select(targets(), options.names)
    except CoursekitError as error:
        parser.error(str(error))
    return check(chosen) if options.check else build_all(chosen, force=options.force)


if __name__ == "__main__":
    sys.exit(main())
