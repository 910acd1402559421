"""Marks from a fresh process: what an answer may not do, and what it may not cost the others."""

import os
import sys
from pathlib import Path

import pytest

from coursekit.errors import BadInputError
from coursekit.grading import Limits, mark
from coursekit.grading.course import SETTINGS, set_up

SETUP = "import numpy as np\nimport torch\nfrom torch import nn"
PREPARE = "def prepare(x, rows):\n    return (x - x[rows].mean(0)) / x[rows].std(0)"
CHECKS = ["check_prepare", "check_gradient_share", "check_diagnose", "check_fresh_accuracy"]
EXERCISE = "unscaled_features"
LIMITS = Limits(cell_s=30.0, memory_mib=1024)


def test_what_an_answer_may_not_do(tmp_path: Path) -> None:
    """One process, four answers, each with a misdeed of its own."""
    kept = tmp_path / "kept.txt"
    cells = [
        SETUP,
        "def prepare(x, rows):\n    import socket\n    socket.socket()\n    return x",
        "def gradient_share(model, loss_fn, x, y):\n    return torch.zeros(3 * 2**30)",
        "def experiment(seed):\n    pass\n"
        "def diagnose():\n    import subprocess\n    subprocess.run(['true'])",
        f"def fresh_accuracy(draw, seed):\n    open({str(kept)!r}, 'w').write('x')\n    return 0.5",
    ]
    marks = {found.check: found for found in mark(cells, CHECKS, exercise=EXERCISE, limits=LIMITS)}
    assert not any(found.passed for found in marks.values())
    assert "socket" in marks["check_prepare"].words
    assert "subprocess" in marks["check_diagnose"].words
    assert "may not write a file" in marks["check_fresh_accuracy"].words
    assert not kept.exists()
    if sys.platform == "linux":  # elsewhere there is no limit of memory
        assert "allocate" in marks["check_gradient_share"].words


def test_a_process_that_dies_costs_one_task() -> None:
    cells = [SETUP, PREPARE, "def gradient_share(*given):\n    import os\n    os._exit(0)"]
    names = ["check_gradient_share", "check_prepare", "check_nothing"]
    marks = mark(cells, names, exercise=EXERCISE, limits=LIMITS)
    assert [(found.check, found.passed) for found in marks] == [
        ("check_gradient_share", False), ("check_prepare", True), ("check_nothing", False),
    ]  # fmt: skip
    assert marks[0].words == "The answer ended the process that marked it (exit status 0)."


@pytest.mark.skipif(os.name != "posix", reason="no timer inside a process elsewhere")
def test_a_cell_that_hangs_and_one_that_is_torn_are_named() -> None:
    cells = [
        SETUP,
        "while True:\n    pass",
        "def prepare(x, rows)\n    return x",
        "%matplotlib inline",
    ]
    (found,) = mark(cells, ["check_prepare"], exercise=EXERCISE, limits=Limits(cell_s=2.0))
    assert found.words == (
        "There is no function prepare. Cell 2 took longer than 2 s and was stopped. "
        "Cell 3 raised SyntaxError: expected ':'."
    )


def test_a_course_folder_is_made_once_and_kept(tmp_path: Path) -> None:
    solutions = tmp_path / "solutions"
    solutions.mkdir()
    (solutions / "07_name.ipynb").write_text("{}")
    course = tmp_path / "course"
    assert set_up(course, solutions=solutions) == ["07_name"]
    (course / SETTINGS).write_text("mine")
    (course / "source" / "07_name" / "07_name.ipynb").write_text("mine")
    set_up(course, solutions=solutions)
    assert (course / SETTINGS).read_text() == "mine"
    assert (course / "source" / "07_name" / "07_name.ipynb").read_text() == "mine"


def test_a_folder_that_cannot_be_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="There are no solutions in"):
        set_up(tmp_path / "course", solutions=tmp_path)
    (tmp_path / "07_name.ipynb").write_text("{}")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="is a file"):
        set_up(tmp_path / "file", solutions=tmp_path)
