"""What `import coursekit` costs over a bare interpreter, in seconds."""

import statistics
import subprocess
import sys
import time

RUNS = 20


def start_s(code: str) -> float:
    """Wall-clock seconds of one interpreter that runs a line of code."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Interleave both, so that a busy machine slows them alike, and print the medians."""
    bare, loaded = [], []
    for _ in range(RUNS):
        bare.append(start_s("pass"))
        loaded.append(start_s("import coursekit"))
    extra = statistics.median(loaded) - statistics.median(bare)
    print(
        f"bare {statistics.median(bare):.3f} s, with coursekit {statistics.median(loaded):.3f} s, "
        f"difference {extra:.3f} s (medians of {RUNS} interleaved runs)"
    )


if __name__ == "__main__":
    main()
