"""How long a lesson takes to run from start to end, beside a bare kernel with the same imports.

    python benchmarks/lesson_time.py [NAME] [--runs N] [--save]

The median over runs, in turn: the lesson, then a notebook of one cell that imports what the
lesson's set-up imports without coursekit (torch, pyplot, scikit-learn).
"""

import argparse
import time
from pathlib import Path
from statistics import median

import nbformat
from nbclient import NotebookClient
from results import add_save, report

ROOT = Path(__file__).parents[1]
PEER = "import matplotlib.pyplot, numpy, sklearn.datasets, torch"


def seconds(notebook: nbformat.NotebookNode) -> float:
    """Wall-clock seconds of one run in a fresh kernel."""
    began = time.perf_counter()
    resources = {"metadata": {"path": str(ROOT / "notebooks")}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    return time.perf_counter() - began


def main() -> None:
    """Time both, print the figures and keep them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="01_unscaled_features")
    parser.add_argument("--runs", type=int, default=5)
    add_save(parser)
    options = parser.parse_args()
    path = ROOT / "notebooks" / f"{options.name}.ipynb"
    peer = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PEER)])
    lesson_s, peer_s = [], []
    for run in range(options.runs):
        lesson_s.append(seconds(nbformat.read(path, as_version=4)))
        peer_s.append(seconds(peer))
        print(f"run {run + 1} of {options.runs}: {lesson_s[-1]:.1f} s, peer {peer_s[-1]:.1f} s")
    report(
        f"lesson_time_{options.name}",
        {
            "lesson_s": round(median(lesson_s), 2),
            "bare_kernel_s": round(median(peer_s), 2),
            "runs": options.runs,
        },
        save=options.save,
    )


if __name__ == "__main__":
    main()
