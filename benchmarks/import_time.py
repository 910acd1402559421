"""What `import coursekit` costs over a bare interpreter, in seconds."""

import statistics
import subprocess
import sys
import time

from results import keep

RUNS = 20


def start_s(code: str) -> float:
    """Wall-clock seconds of one interpreter that runs a line of code."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Interleave both, so that a busy machine slows them alike, and keep the medians."""
    bare, loaded = [], []
    for _ in range(RUNS):
        bare.append(start_s("pass"))
        loaded.append(start_s("import coursekit"))
    bare_s, coursekit_s = statistics.median(bare), statistics.median(loaded)
    keep(
        "import_time",
        {
            "bare_interpreter_s": round(bare_s, 3),
            "with_coursekit_s": round(coursekit_s, 3),
            "difference_s": round(coursekit_s - bare_s, 3),
            "runs": RUNS,
        },
    )


if __name__ == "__main__":
    main()
