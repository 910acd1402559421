"""What `import coursekit` costs over a bare interpreter, in seconds.

python benchmarks/import_time.py [--runs N] [--save]
"""

import argparse
import statistics
import subprocess
import sys
import time

from results import add_save, report


def start_s(code: str) -> float:
    """Wall-clock seconds of one interpreter that runs a line of code."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Interleave both, so that a busy machine slows them alike, and take the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    add_save(parser)
    options = parser.parse_args()
    bare, loaded = [], []
    for _ in range(options.runs):
        bare.append(start_s("pass"))
        loaded.append(start_s("import coursekit"))
    bare_s, coursekit_s = statistics.median(bare), statistics.median(loaded)
    report(
        "import_time",
        {
            "bare_interpreter_s": round(bare_s, 3),
            "with_coursekit_s": round(coursekit_s, 3),
            "difference_s": round(coursekit_s - bare_s, 3),
            "runs": options.runs,
        },
        save=options.save,
    )


if __name__ == "__main__":
    main()
