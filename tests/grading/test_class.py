"""A class of twelve hands in exercise 01 to a real nbgrader: right, wrong and hostile notebooks."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbtools.exercise import answer_lines

from coursekit.grading.course import set_up
from tests.grading.folder import CUT_OFF, SECRET, SOLUTIONS, cell_of, nbgrader, points

NAME = "01_unscaled_features"
TASKS = ("01-1-check", "01-2-check", "01-3-check")

Edit = Callable[[NotebookNode], None]


def answering(**answers: str) -> Edit:
    """Put sources into the answer cells: ``prepare``, ``gradient_share``, ``diagnose``."""
    ids = {
        "prepare": "01-1-prepare", "gradient_share": "01-2-gradient-share",
        "diagnose": "01-3-diagnose",
    }  # fmt: skip

    def edit(notebook: NotebookNode) -> None:
        for task, source in answers.items():
            cell_of(notebook, ids[task]).source = source

    return edit


RIGHT = {
    "prepare": (
        "def prepare(x, rows):\n"
        "    return (x - x[rows].mean(axis=0)) / x[rows].std(axis=0)"
    ),
    "gradient_share": (
        "def gradient_share(model, loss_fn, x, y):\n"
        "    first = [m for m in model.modules() if isinstance(m, nn.Linear)][0]\n"
        "    (g,) = torch.autograd.grad(loss_fn(model(x), y), [first.weight])\n"
        "    return (g ** 2).sum(0) / (g ** 2).sum()"
    ),
    "diagnose": 'def diagnose():\n    return "C", {"batchnorm": "input"}',
}  # fmt: skip
WRONG = {
    "prepare": "def prepare(x, rows):\n    return (x - x.mean(axis=0)) / x.std(axis=0)",
    "gradient_share": (
        "def gradient_share(model, loss_fn, x, y):\n"
        "    return torch.full((x.shape[1],), 1 / x.shape[1])"
    ),
    "diagnose": 'def diagnose():\n    return "B", {"lr": 0.5}',
}
FORGED = (
    'print("Task 1 passed. All columns are standardised.")\n'
    "import os, json\n"
    'line = json.dumps({"check": "check_prepare", "passed": True, "words": "", "signature": ""})\n'
    "for descriptor in range(1, 30):\n"
    "    try:\n"
    '        os.write(descriptor, (line + "\\n").encode())\n'
    "    except OSError:\n"
    "        pass\n"
)
PATCHED = (
    "import coursekit.checks.check as inner\n"
    "inner.Check.__call__ = lambda self, *functions: print('passed')\n"
    "import coursekit.checks.unscaled_features.prepare as task\n"
    "for name in list(vars(task)):\n"
    "    if callable(getattr(task, name)) and name.islower():\n"
    "        setattr(task, name, lambda *a, **k: None)\n"
)
PATCHED_LATE = (
    "def gradient_share(model, loss_fn, x, y):\n"
    "    import coursekit.checks.check as inner\n"
    "    inner.Clause.__init__ = lambda *a, **k: None\n"
    "    import torch, coursekit.checks.unscaled_features.gradient_share as task\n"
    "    task.as_array = lambda value, *, shape, source: torch.full(shape, float('nan')).numpy()\n"
    "    torch.allclose = lambda *a, **k: True\n"
    "    return torch.full((x.shape[1],), 1 / x.shape[1])\n"
)


def delete_task_1(notebook: NotebookNode) -> None:
    """Answer the others, and take the first task's cells out."""
    answering(**RIGHT)(notebook)
    gone = [cell_of(notebook, "01-1-prepare"), cell_of(notebook, "01-1-check")]
    notebook.cells = [cell for cell in notebook.cells if cell not in gone]


def reading(course: Path) -> Edit:
    """Answers that look for the solution on disk and in the grader's environment."""
    path = str(course / "source" / NAME / f"{NAME}.ipynb")
    find = (
        "def stolen(name):\n"
        "    import json\n"
        f"    cells = json.load(open({path!r}))['cells']\n"
        "    sources = [''.join(cell['source']) for cell in cells]\n"
        "    exec(next(text for text in sources if 'def ' + name in text), globals())\n"
        "    return globals()[name]\n"
    )
    demand = f"    import os\n    assert os.environ['GRADER'] == {SECRET!r}\n"
    return answering(
        prepare=f"{find}\ndef prepare(x, rows):\n    return stolen('prepare')(x, rows)",
        gradient_share=RIGHT["gradient_share"].replace("    first", f"{demand}    first", 1),
        diagnose="def diagnose():\n    return stolen('diagnose')()",
    )


@dataclass(frozen=True, kw_only=True)
class Student:
    """Who hands in what, and the points that are due for the three tasks."""

    name: str
    edit: Edit
    due: tuple[float, float, float]


def the_class(course: Path) -> list[Student]:
    """Twelve students."""
    loop = "def gradient_share(model, loss_fn, x, y):\n    while True:\n        pass"
    torn = "def prepare(x, rows)\n    return"
    return [
        Student(name="blank", edit=lambda notebook: None, due=(0, 0, 0)),
        Student(name="right", edit=answering(**RIGHT), due=(2, 3, 3)),
        Student(name="wrong", edit=answering(**WRONG), due=(0, 0, 0)),
        Student(name="half", edit=answering(prepare=RIGHT["prepare"]), due=(2, 0, 0)),
        Student(
            name="syntax",
            edit=answering(**RIGHT | {"prepare": torn}),
            due=(0, 3, 3),
        ),
        Student(name="loop", edit=answering(**RIGHT | {"gradient_share": loop}), due=(2, 0, 3)),
        Student(name="deleted", edit=delete_task_1, due=(0, 3, 3)),
        Student(
            name="forger", edit=answering(**WRONG | {"prepare": FORGED + WRONG["prepare"]}),
            due=(0, 0, 0),
        ),
        Student(
            name="saboteur", edit=answering(**RIGHT | {"prepare": CUT_OFF + RIGHT["prepare"]}),
            due=(2, 3, 3),
        ),
        Student(
            name="quitter",
            edit=answering(**RIGHT | {"gradient_share": "import os\nos.kill(os.getpid(), 9)"}),
            due=(2, 0, 3),
        ),
        Student(
            name="patcher",
            edit=answering(prepare=PATCHED + WRONG["prepare"], gradient_share=PATCHED_LATE),
            due=(0, 0, 0),
        ),
        Student(name="reader", edit=reading(course), due=(0, 0, 0)),
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Marked:
    """The course folder after marking."""

    course: Path
    students: list[Student]

    def points(self, name: str) -> tuple[float, ...]:
        """The points of one student for the three tasks."""
        scores = points(self.course, NAME, name)
        return tuple(scores[task] for task in TASKS)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    """The whole way: release, twelve submissions, marks, feedback."""
    course = tmp_path_factory.mktemp("course")
    set_up(course, solutions=SOLUTIONS)
    for other in (course / "source").iterdir():
        if other.name != NAME:
            shutil.rmtree(other)
    nbgrader(course, "generate_assignment", NAME)
    released = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    students = the_class(course)
    for student in students:
        notebook = copy.deepcopy(released)
        student.edit(notebook)
        folder = course / "submitted" / student.name / NAME
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NAME}.ipynb")
    nbgrader(course, "autograde", NAME, "--Execute.timeout=20", "--Recheck.cell_s=10")
    nbgrader(course, "generate_feedback", NAME)
    return Marked(course=course, students=students)


def test_every_mark_is_the_one_that_is_due(marked: Marked) -> None:
    got = {student.name: marked.points(student.name) for student in marked.students}
    assert got == {student.name: student.due for student in marked.students}


def test_what_is_handed_out_holds_no_answer(marked: Marked) -> None:
    solution = nbformat.read(SOLUTIONS / f"{NAME}.ipynb", as_version=4)
    answers = answer_lines(solution)
    assert len(answers) > 10
    text = " ".join((marked.course / "release" / NAME / f"{NAME}.ipynb").read_text().split())
    released = nbformat.read(marked.course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    lines = {" ".join(line.split()) for cell in released.cells for line in cell.source.splitlines()}
    assert not lines & set(answers)
    assert "solution-only" not in text


@pytest.mark.parametrize("name", ["wrong", "forger", "patcher", "reader", "loop", "syntax"])
def test_feedback_holds_no_answer_and_no_secret(marked: Marked, name: str) -> None:
    (page,) = (marked.course / "feedback" / name / NAME).glob("*.html")
    html = page.read_text(encoding="utf-8")
    assert "transform(x)" not in html.replace("&#39;", "'")
    assert "unlike backward()" not in html
    if name != "reader":  # whose own code quotes it
        assert SECRET not in html


def test_no_verdict_is_wider_than_a_page_of_feedback(marked: Marked) -> None:
    """In 13 px Courier, 95 characters fit between its borders, and 75 on a printed A4."""
    verdicts = [
        output.text if output.output_type == "stream" else "\n".join(output.traceback)
        for path in marked.course.glob("autograded/*/*/*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("grade")
        for output in cell.get("outputs", [])
    ]  # fmt: skip
    assert len(verdicts) > 20
    lines = [line for verdict in verdicts for line in verdict.splitlines()]
    assert max(map(len, lines)) <= 75
    assert [line for line in lines if line.startswith("Hint: ")]
    assert [line for line in lines if line.startswith("More hints: check_")]


def test_feedback_says_why_there_are_no_points(marked: Marked) -> None:
    (page,) = (marked.course / "feedback" / "loop" / NAME).glob("*.html")
    assert "took longer than 10 s and was stopped" in page.read_text(encoding="utf-8")
    for name in ("saboteur", "quitter"):
        (page,) = (marked.course / "feedback" / name / NAME).glob("*.html")
        assert "the kernel is lost" in " ".join(page.read_text(encoding="utf-8").split())
    (page,) = (marked.course / "feedback" / "patcher" / NAME).glob("*.html")
    assert "which the check relies on" in " ".join(page.read_text(encoding="utf-8").split())
