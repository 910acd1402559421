"""What has been handed in, and what of it nbgrader would pass over or leave as it was marked."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from coursekit.errors import BadInputError


def misfits(course: Path) -> list[str]:
    """What to mend before marking, a sentence each; none where all is well.

    Args:
        course: The course folder.

    Raises:
        BadInputError: No assignment has been generated there, so that no name can fit one.
    """
    course = course.absolute()
    names = sorted(path.stem for path in course.glob("release/*/*.ipynb"))
    if not names:
        raise BadInputError(
            f"There is no assignment in {course / 'release'}. Name a folder that `coursekit "
            "grading` made, after `nbgrader generate_assignment` has run there."
        )
    return [*_downloaded(course), *_submitted(course, names), *_again(course, names)]


def _downloaded(course: Path) -> Iterator[str]:
    """Files that have become nobody's submission."""
    for folder in sorted(course.glob("downloaded/*/extracted")):
        name = folder.parent.name
        left = Counter(path.read_bytes() for path in course.glob(f"submitted/*/{name}/*.ipynb"))
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in sorted(paths, key=lambda path: name not in path.name):  # of equals, who fits
            content = path.read_bytes()
            left[content] -= 1
            if left[content] < 0:
                yield f"{_in(course, path)} is not collected; expected LEARNER_{name}.ipynb."


def _submitted(course: Path, names: Collection[str]) -> Iterator[str]:
    """Notebooks that autograde does not find, or cannot read."""
    for path in sorted(course.glob("submitted/**/*.ipynb")):
        *inner, file = path.relative_to(course / "submitted").parts
        learner, folder = [*inner, "", ""][:2]
        if len(inner) == 2 and folder in names and path.stem == folder:
            if _answers(path) is None:
                yield f"{_in(course, path)} is no whole notebook. Ask for it again."
        elif ".ipynb_checkpoints" not in inner:
            named = [name for name in names if name in (folder, file[: len(name)])]
            name = named[0] if named else "ASSIGNMENT"
            right = f"submitted/{learner or 'LEARNER'}/{name}/{name}.ipynb"
            yield f"{_in(course, path)} is passed over; expected {right}."


def _again(course: Path, names: Collection[str]) -> Iterator[str]:
    """Submissions that are not what was marked; autograde skips them."""
    for path in sorted(course.glob("submitted/*/*/*.ipynb")):
        marked = course / "autograded" / path.relative_to(course / "submitted")
        if marked.exists() and path.stem in names and _answers(path) != _answers(marked):
            student = path.parts[-3]
            yield (
                f"{_in(course, path)} is not what was marked. Mark it again: "
                f"nbgrader autograde {path.stem} --student={student} --force"
            )


def _answers(path: Path) -> list[str] | None:
    """The cells that a learner may write in; None where the file is no notebook."""
    try:
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]).strip() for cell in cells if not _is_ours(cell)]
    except (ValueError, KeyError, TypeError):
        return None


def _is_ours(cell: dict[str, Any]) -> bool:
    """Whether nbgrader puts a cell's own text back before it marks."""
    return bool(cell["metadata"].get("nbgrader", {}).get("locked"))


def _in(course: Path, path: Path) -> str:
    """A path as it is seen from the course folder."""
    return path.relative_to(course).as_posix()
