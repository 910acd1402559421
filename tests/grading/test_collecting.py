"""From a folder of downloads to marks, by a real nbgrader: names that fit, names that do not."""

import copy
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest

from coursekit.cli import main
from coursekit.errors import BadInputError
from coursekit.grading.collected import misfits
from coursekit.grading.course import HANDED_IN, set_up
from tests.grading.folder import SOLUTIONS, cell_of, nbgrader, points
from tests.grading.test_class import RIGHT, answering

NAME = "01_unscaled_features"
EXERCISE = SOLUTIONS.parent / "exercises" / f"{NAME}.ipynb"
IS_WHOLE = "Every notebook fits an assignment.\n"


@pytest.mark.parametrize(
    ("path", "learner"),
    [
        (f"anna_{NAME}.ipynb", "anna"),
        (f"anna_smith_{NAME}.ipynb", "anna_smith"),
        (f"anna_{NAME} (1).ipynb", "anna"),
        (f"anna_{NAME}-Copy1.ipynb", "anna"),
        (f"anna/{NAME}.ipynb", "anna"),
        (f"anna/home/work/{NAME}.ipynb", "anna"),
        (f"Anna Smith_17_file_/{NAME}.ipynb", "Anna Smith_17_file_"),
        (f"{NAME}.ipynb", None),
        ("anna.ipynb", None),
    ],
)
@pytest.mark.parametrize("root", ["/x_y/downloaded/01_a/extracted/", "C:\\01_x\\extracted\\"])
def test_the_settings_read_who_and_what(root: str, path: str, learner: str | None) -> None:
    pattern = "".join(re.findall(r'r"(.*)"', HANDED_IN))
    match = re.match(pattern, root + path.replace("/", root[-1]))
    assert (match and match["student_id"]) == learner
    assert match is None or match["file_id"] == NAME


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course folder where one assignment has been generated."""
    write(tmp_path / "release" / NAME / f"{NAME}.ipynb")
    return tmp_path


def write(path: Path, *cells: str) -> None:
    """Write a notebook of cells that a learner may edit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = [{"cell_type": "code", "metadata": {}, "source": [cell]} for cell in cells]
    path.write_text(json.dumps({"cells": whole}), encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "right"),
    [
        (f"anna/{NAME}/{NAME} (1).ipynb", f"anna/{NAME}/{NAME}"),
        (f"anna/{NAME}/anna.ipynb", f"anna/{NAME}/{NAME}"),
        (f"anna/{NAME}.ipynb", f"anna/{NAME}/{NAME}"),
        (f"anna/week 1/{NAME}.ipynb", f"anna/{NAME}/{NAME}"),
        (f"anna/{NAME}/work/{NAME}.ipynb", f"anna/{NAME}/{NAME}"),
        (f"{NAME}.ipynb", f"LEARNER/{NAME}/{NAME}"),
        ("anna/17_other/17_other.ipynb", "anna/ASSIGNMENT/ASSIGNMENT"),
    ],
)
def test_a_name_that_nbgrader_passes_over_is_told(course: Path, place: str, right: str) -> None:
    write(course / "submitted" / place)
    assert misfits(course) == [
        f"submitted/{place} is passed over; expected submitted/{right}.ipynb."
    ]


def test_names_that_fit_are_not_told(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(course / "submitted" / "anna" / NAME / f"{NAME}.ipynb")
    write(course / "submitted" / "anna" / NAME / ".ipynb_checkpoints" / f"{NAME}-checkpoint.ipynb")
    assert main(["grading", "--check", str(course)]) == 0
    assert capsys.readouterr().out == IS_WHOLE


def test_half_a_file_is_told(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = course / "submitted" / "anna" / NAME / f"{NAME}.ipynb"
    write(path)
    path.write_text(path.read_text()[:9])
    assert main(["grading", "--check", str(course)]) == 1
    assert capsys.readouterr().out.endswith(".ipynb is no whole notebook. Ask for it again.\n")


def test_a_second_hand_in_is_told_until_it_is_marked(course: Path) -> None:
    submitted = course / "submitted" / "anna" / NAME / f"{NAME}.ipynb"
    marked = course / "autograded" / "anna" / NAME / f"{NAME}.ipynb"
    write(marked, "x = 1")
    write(submitted, "x = 1\n")  # collected again, and the same
    assert misfits(course) == []
    write(submitted, "x = 2")
    (found,) = misfits(course)
    assert found.endswith(f"Mark it again: nbgrader autograde {NAME} --student=anna --force")


def test_a_folder_without_assignments_is_no_course(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"There is no assignment in .*generate_assignment"):
        misfits(tmp_path)


def test_from_downloads_to_marks_and_a_second_hand_in(tmp_path: Path) -> None:
    """The learners' own copies, whatever a browser called them; then one that is corrected."""
    set_up(tmp_path, solutions=SOLUTIONS)
    for other in (tmp_path / "source").iterdir():
        if other.name != NAME:
            shutil.rmtree(other)
    nbgrader(tmp_path, "generate_assignment", NAME)
    shutil.rmtree(tmp_path / "source")  # moved away, as it should be
    blank = nbformat.read(EXERCISE, as_version=4)
    solved = copy.deepcopy(blank)
    answering(**RIGHT)(solved)
    half = copy.deepcopy(blank)
    cell_of(half, "01-1-prepare").source = RIGHT["prepare"]
    archive = tmp_path / "downloaded" / NAME / "archive"
    archive.mkdir(parents=True)
    nbformat.write(solved, archive / f"anna_{NAME}.ipynb")
    nbformat.write(half, archive / f"ben_{NAME} (1).ipynb")
    nbformat.write(blank, archive / "dora.ipynb")
    with zipfile.ZipFile(archive / "carl.zip", "w") as packed:
        packed.write(EXERCISE, f"{NAME}.ipynb")

    nbgrader(tmp_path, "zip_collect", NAME)
    inside = f"downloaded/{NAME}/extracted"
    lost = f"{inside}/dora.ipynb is not collected; expected LEARNER_{NAME}.ipynb."
    assert misfits(tmp_path) == [lost]
    nbgrader(tmp_path, "autograde", NAME)
    got = {name: sum(points(tmp_path, NAME, name).values()) for name in ("anna", "ben", "carl")}
    assert got == {"anna": 8, "ben": 2, "carl": 0}

    os.replace(archive / f"anna_{NAME}.ipynb", archive / f"ben_{NAME}.ipynb")
    (archive / f"ben_{NAME} (1).ipynb").unlink()
    nbgrader(tmp_path, "zip_collect", NAME, "--force")
    again = misfits(tmp_path)[1:]
    assert len(again) == 1
    nbgrader(tmp_path, *again[0].partition(": nbgrader ")[2].split())
    assert sum(points(tmp_path, NAME, "ben").values()) == 8
    assert misfits(tmp_path) == [lost]
