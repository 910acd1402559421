"""Marks from a fresh process: what an answer may not do, and what it may not cost the others."""

import os
import py_compile
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from coursekit.errors import BadInputError
from coursekit.grading import Limits, mark, marking
from coursekit.grading.course import SETTINGS, set_up
from coursekit.grading.inside import compiled
from coursekit.grading.sources import COURSEKIT, digest

SETUP = (
    "import numpy as np\nimport torch\nfrom torch import nn\n"
    "from coursekit.checks import NotAnswered"
)
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


CARELESS = """import os


def gradient_share(model, loss_fn, x, y):
    # no comment
    return model[0][1]
"""
MORE = "\nHints: check_{}.hint(1), then 2 and 3"


def test_an_error_of_theirs_has_its_line_and_a_way_to_a_hint() -> None:
    starts = "def prepare(x, rows):\n    return os.system('true')"
    names = ["check_prepare", "check_gradient_share"]
    prepare, share = mark([SETUP, CARELESS, starts], names, exercise=EXERCISE, limits=LIMITS)
    assert share.words == (
        "Task 2: gradient_share raised TypeError: 'Linear' object is not subscriptable (line 6: "
        "return model[0][1]). The error is in your code." + MORE.format("gradient_share")
    )
    assert prepare.words == (
        "Task 1: prepare raised NotAllowed: An answer may not do this while it is marked: "
        "os.system (line 2: return os.system('true')). The error is in your code."
        + MORE.format("prepare")
    )


@pytest.mark.skipif(os.name != "posix", reason="no timer inside a process elsewhere")
def test_a_function_that_does_not_come_back_is_told_so() -> None:
    endless = "def prepare(x, rows):\n    while True:\n        pass"
    limits = Limits(cell_s=3.0)
    (found,) = mark([SETUP, endless], ["check_prepare"], exercise=EXERCISE, limits=limits)
    assert found.words == (
        "Task 1: The check took longer than 3 s and was stopped. Your function did not come back. "
        "Look for a loop without an end, and call it once on a small input."
        + MORE.format("prepare")
    )


def test_a_set_up_cell_that_is_gone_is_told_so() -> None:
    given = (
        "def experiment(seed, *, lr=0.1):\n    return torch.zeros(seed)\n"
        "class Own(nn.Module):\n    pass\ndef prepare(x, rows):\n    return x"
    )
    answer = "def diagnose():\n    return 'C', {'lr': 0.5}"
    names = ["check_diagnose", "check_prepare"]
    whole, torn = mark([given, answer], names, exercise=EXERCISE, limits=LIMITS)
    assert whole.words.startswith(
        "Task 3: experiment(seed) raised NameError: name 'torch' is not defined (line 2: return "
        "torch.zeros(seed)). The set-up cell, the first one with code, is missing or did not run"
    )
    assert torn.words == (
        "There is no function prepare. Cell 1 raised NameError: name 'nn' is not defined. The "
        "set-up cell, the first one with code, is missing or did not run: run it again."
    )


HONEST = (
    "%matplotlib inline\nloss = 0.5\nprint('loss %.3f'\n      % loss)",
    "raise SystemExit",
    "quit()",
    "raise KeyboardInterrupt",
    "%%time\nif torch.ones(1):\n    %timeit 1\n!ls",
    "torch.optim.Adamax([torch.zeros(1, requires_grad=True)])",
)


def test_a_cell_that_ends_a_program_ends_no_notebook() -> None:
    leaves = "def gradient_share(*given):\n    raise SystemExit('enough')"
    names = ["check_prepare", "check_gradient_share", "check_diagnose"]
    marks = mark([SETUP, *HONEST, PREPARE, leaves], names, exercise=EXERCISE, limits=LIMITS)
    assert [found.passed for found in marks] == [True, False, False]
    assert marks[1].words == "SystemExit: enough"
    assert [f"Cell {number} raised {kind}" in marks[2].words for number, kind in (
        (2, ""), (3, "SystemExit"), (4, "SystemExit"), (5, "KeyboardInterrupt"), (6, ""), (7, ""),
    )] == [False, True, True, True, False, False]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("x = 7\ny = (x\n     % 4)", {"x": 7, "y": 3}),
        ("%load_ext autoreload\nx = 7\ny = (x\n     % 4)", {"x": 7, "y": 3}),
        ("text = '''\n%s\n!'''\n!pip list", {"text": "\n%s\n!"}),
        ("if True:\n    %time 1\nx = 1", {"x": 1}),
    ],
)
def test_only_lines_that_python_cannot_read_are_left_out(cell: str, left: dict[str, Any]) -> None:
    names: dict[str, Any] = {"__builtins__": {}}
    exec(compiled(cell, "<cell>"), names)
    assert {name: names[name] for name in left} == left


def test_a_cell_that_is_no_python_keeps_its_error() -> None:
    with pytest.raises(SyntaxError, match="expected ':'"):
        compiled("%matplotlib inline\ndef prepare(x)\n    return x", "<cell>")


FORGED = {
    "the checks' own parts": (
        "import coursekit.checks.unscaled_features as checks\n"
        "for check in list(vars(checks).values()):\n"
        "    if hasattr(check, 'clauses'):\n"
        "        object.__setattr__(check, 'gather', lambda *given: None)\n"
        "        object.__setattr__(check, 'clauses', ())\n"
        "        object.__setattr__(check, 'verified', lambda evidence: 'all is well')\n"
    ),
    "the marker": (
        "import sys, coursekit.grading.inside as marker\n"
        "marker.broken = lambda whole: []\n"
        "marker._called = lambda *given: (True, 'all is well')\n"
    ),
    "the words on their way": (
        "import hmac, json, os\n"
        "real = hmac.new\n"
        "def spying(key, text, how):\n"
        "    for name in ('prepare', 'gradient_share', 'diagnose', 'fresh_accuracy'):\n"
        "        body = {'check': f'check_{name}', 'passed': True, 'words': 'all is well'}\n"
        "        text = json.dumps(list(body.values())).encode()\n"
        "        body['signature'] = real(key, text, how).hexdigest()\n"
        "        for descriptor in range(3, 20):\n"
        "            try:\n"
        "                os.write(descriptor, (json.dumps(body) + chr(10)).encode())\n"
        "            except OSError:\n"
        "                pass\n"
        "    os._exit(0)\n"
        "hmac.new = spying\n"
    ),
}
BLANK = "".join(
    f"def {name}(*given):\n    return None\n"
    for name in ("prepare", "gradient_share", "diagnose", "fresh_accuracy", "experiment")
)


@pytest.mark.parametrize("name", FORGED)
def test_no_task_passes_by_changing(name: str) -> None:
    marks = mark([SETUP, FORGED[name] + BLANK], CHECKS, exercise=EXERCISE, limits=LIMITS)
    assert not any(found.passed for found in marks)


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are a thing of POSIX")
def test_what_a_marking_started_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    late = f"import time; time.sleep(1.5); open({str(kept)!r}, 'w')"
    started = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {late!r}]"
    monkeypatch.setattr(marking, "START", f"{started}, stdout=subprocess.DEVNULL)")
    (found,) = mark([], ["check_prepare"], exercise=EXERCISE)
    assert found.words == "The answer ended the process that marked it (exit status 0)."
    time.sleep(2.5)
    assert not kept.exists()


def test_a_compiled_file_is_not_taken_for_its_source(tmp_path: Path) -> None:
    """Beside an untouched source lies what was compiled from another of the same size and time."""
    ours = tmp_path / "coursekit"
    shutil.copytree(COURSEKIT, ours, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    source = ours / "checks" / EXERCISE / "prepare.py"
    text, times = source.read_text(), (source.stat().st_atime_ns, source.stat().st_mtime_ns)
    assert "TOLERANCE = 0.01" in text
    for each in (text.replace("TOLERANCE = 0.01", "TOLERANCE = 9999"), text):
        source.write_text(each)
        os.utime(source, ns=times)
        if each is not text:
            py_compile.compile(str(source), doraise=True)
    wrong = PREPARE.replace("x[rows]", "x")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from coursekit.grading import mark\n"
        f"(found,) = mark([{SETUP!r}, {wrong!r}], ['check_prepare'], exercise={EXERCISE!r})\n"
        "print(found.passed, found.words)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.startswith("False Task 1: On breast cancer, ")


def test_a_course_folder_is_made_once_and_kept(tmp_path: Path) -> None:
    solutions = tmp_path / "solutions"
    solutions.mkdir()
    (solutions / "07_name.ipynb").write_text("{}")
    course = tmp_path / "course"
    assert set_up(course, solutions=solutions) == ["07_name"]
    assert f'c.Recheck.digest = "{digest()}"' in (course / SETTINGS).read_text()
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
