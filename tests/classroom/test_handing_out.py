"""The course handed out and updated by a real nbgitpuller, from the repository of the page."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tests.classroom.instructions import blocks, shell
from tests.test_launch import TOKEN, fetch, free_port

pytest.importorskip("nbgitpuller", reason="nbgitpuller is not installed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the commands need a POSIX shell")

TITLE = "Handing it out"
EXERCISE = "exercises/01_unscaled_features.ipynb"
SET_UP = 2
OTHER = "notebooks/02_mismatched_transforms.ipynb"


@dataclass(frozen=True, kw_only=True)
class Classroom:
    """An instructor's repository, and the folder that a learner's server opens."""

    repository: Path
    home: Path

    @property
    def copy(self) -> Path:
        """What the learner works in."""
        return self.home / self.repository.name

    def pull(self) -> None:
        """What following the link does on the server."""
        done = subprocess.run(
            [
                sys.executable, "-m", "nbgitpuller.pull", self.repository.as_uri(), "main",
                str(self.copy),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def publish(self) -> None:
        """Commit what the instructor changed, by the commands of the page."""
        shell(blocks(TITLE)[1], cwd=self.repository.parent)


@pytest.fixture
def classroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    """The repository as the page makes it; the learner has not come yet."""
    nobody = tmp_path / "no-gitconfig"
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(nobody))  # a learner has none
    instructor, home = tmp_path / "instructor", tmp_path / "home"
    instructor.mkdir()
    home.mkdir()
    nobody.write_text("[user]\n\tname = Instructor\n\temail = instructor@example.org\n")
    shell(blocks(TITLE)[0], cwd=instructor)
    return Classroom(repository=instructor / "why-wont-it-train", home=home)


def read(path: Path) -> NotebookNode:
    """A notebook, refused where it is not a valid one."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    return notebook


@contextmanager
def editing(path: Path) -> Iterator[NotebookNode]:
    """A notebook that is changed and written as Jupyter writes it."""
    notebook = read(path)
    yield notebook
    nbformat.write(notebook, path)


def work_on(notebook: NotebookNode) -> None:
    """What a learner leaves: every answer written, every cell run, other outputs than stored."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source += f"\n    answer = {number}\n    return answer"
        cell.execution_count = number + 100
        cell.outputs = [
            new_output("stream", text=f"mine {number}\n"),
            new_output("display_data", data={"text/plain": "<Figure>", "image/png": "bWluZQ=="}),
        ]
    notebook.metadata.language_info["version"] = "3.11.9"


def answers(notebook: NotebookNode) -> list[int]:
    """Where the cells stand that a learner fills in."""
    return [
        number for number, cell in enumerate(notebook.cells)
        if cell.metadata.get("nbgrader", {}).get("solution")
    ]  # fmt: skip


def section() -> list[NotebookNode]:
    """What an instructor adds: a text cell, and code that was run."""
    code = new_code_cell("values = [1, 2]\nprint(sum(values))", id="added-code", execution_count=1)
    code.outputs = [new_output("stream", text="3\n")]
    return [new_markdown_cell("## A new task\n\nAdd two numbers.", id="added-text"), code]


def test_the_link_brings_the_course_and_opens_the_first_lesson(
    classroom: Classroom, tmp_path: Path
) -> None:
    (link,) = blocks(TITLE, "text")
    assert urlsplit(link).path == "/hub/user-redirect/git-pull"
    asked = {key: value for key, (value,) in parse_qs(urlsplit(link.strip()).query).items()}
    assert asked["repo"].rpartition("/")[2] == classroom.repository.name
    asked["repo"] = classroom.repository.as_uri()

    with server(classroom.home, tmp_path / "runtime") as address:
        _, page = fetch(f"{address}/git-pull?{urlencode({**asked, 'token': TOKEN})}")
        opened = unquote(page.split('data-path="')[1].split('"')[0])
        url = f"{address}/git-pull/api?{urlencode({**asked, 'token': TOKEN})}"
        said = [json.loads(line[6:]) for line in fetch(url)[1].splitlines() if line]
        assert said[-1] == {"phase": "finished"}
        path = opened.removeprefix("lab/tree/")
        assert path != opened
        _, served = fetch(f"{address}/api/contents/{path}?{urlencode({'token': TOKEN})}")
    assert json.loads(served)["name"] == "00_start_here.ipynb"
    assert {each.name for each in classroom.copy.iterdir()} == {
        ".coursekit.json", ".git", "exercises", "notebooks",
    }  # fmt: skip


@contextmanager
def server(home: Path, runtime: Path) -> Iterator[str]:
    """A learner's Jupyter server, as a hub starts one, and its address."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
            f"--port={port}", f"--ServerApp.root_dir={home}", f"--IdentityProvider.token={TOKEN}",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime)},
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_nothing_of_a_learner_is_lost_and_what_is_new_arrives(classroom: Classroom) -> None:
    classroom.pull()
    with editing(classroom.copy / EXERCISE) as theirs:
        work_on(theirs)
        theirs.cells[SET_UP].source += "\ntheirs = 1"
    (classroom.copy / "notes.md").write_text("Their own file.", encoding="utf-8")
    (classroom.copy / "notebooks" / "16_later.ipynb").write_text("Theirs, and the name is taken.")
    deleted = classroom.copy / "exercises" / "03_learning_rate.ipynb"
    deleted.unlink()

    mine = classroom.repository
    later = mine / "notebooks" / "16_later.ipynb"
    later.write_bytes((mine / "notebooks" / "00_start_here.ipynb").read_bytes())
    with editing(mine / OTHER) as other:
        other.cells[5:5] = section()
    with editing(mine / EXERCISE) as changed:
        changed.cells[0].source += "\n\nA sentence that the learner did not touch."
        changed.cells[answers(changed)[0]].source += "\n# the instructor's version"
        changed.cells[SET_UP].source = f"mine = 1\n{changed.cells[SET_UP].source}"
        changed.cells += section()
    classroom.publish()
    classroom.pull()

    merged = read(classroom.copy / EXERCISE)
    assert merged.cells[0].source.endswith("did not touch.")
    assert (
        merged.cells[SET_UP].source == f"mine = 1\n{theirs.cells[SET_UP].source}"
    )  # half and half
    theirs.cells[SET_UP].source = merged.cells[SET_UP].source
    assert merged.cells[1 : len(theirs.cells)] == theirs.cells[1:]
    assert merged.cells[len(theirs.cells) :] == section()
    assert merged.metadata == theirs.metadata
    assert read(classroom.copy / OTHER) == other
    assert (classroom.copy / "notes.md").read_text(encoding="utf-8") == "Their own file."
    assert (classroom.copy / "notebooks" / later.name).read_bytes() == later.read_bytes()
    (renamed,) = (classroom.copy / "notebooks").glob("16_later_*.ipynb")
    assert renamed.read_text() == "Theirs, and the name is taken."
    assert deleted.read_bytes() == (mine / "exercises" / deleted.name).read_bytes()


def as_a_section(cells: list[NotebookNode], at: int) -> None:
    cells[at:at] = section()


def as_code_alone(cells: list[NotebookNode], at: int) -> None:
    cells[at:at] = section()[1:]


@pytest.mark.parametrize(("add", "arrives"), [(as_a_section, True), (as_code_alone, False)])
def test_between_cells_that_were_run_a_text_cell_brings_the_code_along(
    classroom: Classroom, add: Callable[[list[NotebookNode], int], None], *, arrives: bool
) -> None:
    """Without it git may take the addition for a change of the learner's outputs.

    That is the page's warning; where nbgitpuller learns better, the warning can go.
    """
    classroom.pull()
    names = sorted(path.name for path in (classroom.copy / "exercises").glob("*.ipynb"))
    worked_on = {}
    for number, name in enumerate(names):  # another place in each exercise
        with editing(classroom.copy / "exercises" / name) as theirs:
            work_on(theirs)
        worked_on[name] = copy.deepcopy(theirs.cells)
        with editing(classroom.repository / "exercises" / name) as mine:
            add(mine.cells, 3 + number)
    classroom.publish()
    classroom.pull()

    arrived = []
    for name in names:
        cells = read(classroom.copy / "exercises" / name).cells
        assert [cell for cell in cells if not cell.id.startswith("added")] == worked_on[name], name
        arrived.append("added-code" in {cell.id for cell in cells})
    assert all(arrived) == arrives
