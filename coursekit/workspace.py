"""The learner's own copy of the course: what is handed out, and never overwritten unasked."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import nbformat

from coursekit.errors import BadInputError
from coursekit.records import write_atomically
from coursekit.shipped import course_files

__all__ = [
    "Answer",
    "Ask",
    "Handout",
    "answer_later",
    "ask_in_terminal",
    "decide",
    "prepare",
    "sync",
]

FOLDERS = ("notebooks", "exercises")  # solutions stay out of the learner's copy
MANIFEST = ".coursekit.json"

Answer = Literal["keep", "replace", "beside", "later"]
Ask = Callable[[str], Answer]
Outcome = Literal["new", "updated", "kept", "beside", "later"]

_SAID: dict[Outcome, str] = {
    "new": "Copied",
    "updated": "Brought up to date",
    "kept": "Left as yours",
    "beside": "The course's version now lies beside yours",
    "later": "Changed in the course and by you; run again in a terminal to choose, yours stay",
}


@dataclass(frozen=True, kw_only=True)
class Handout:
    """What one `sync` did.

    Attributes:
        outcomes: File name, relative to the working folder, to what became of it. Files where
            there was nothing to do are not in it.
    """

    outcomes: dict[str, Outcome]

    def sentences(self) -> list[str]:
        """One line for each kind of outcome.

        >>> Handout(outcomes={"a.ipynb": "new", "b.ipynb": "new"}).sentences()
        ['Copied: a.ipynb, b.ipynb.']
        """
        return [
            f"{said}: {', '.join(names)}."
            for outcome, said in _SAID.items()
            if (names := [name for name, got in self.outcomes.items() if got == outcome])
        ]


def prepare(work: str | Path) -> Handout:
    """Bring the learner's copy up to date, asking where there is a terminal, and say what was done.

    Args:
        work: The learner's folder; it is made where there is none.
    """
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    handout = sync(course_files(), Path(work), ask=ask_in_terminal if at_terminal else answer_later)
    for sentence in handout.sentences():
        print(sentence)
    return handout


def sync(source: Path, work: Path, *, ask: Ask) -> Handout:
    """Copy the course's notebooks and exercises, and leave alone what the learner changed.

    A manifest in ``work`` says what was last handed out. A file that differs from it is the
    learner's; a notebook that was only run does not differ. Files that the course does not have are
    never touched; a deleted one comes back.

    Args:
        source: A folder such as `coursekit.shipped.course_files` returns.
        work: The learner's folder.
        ask: Called with the name of a file that changed in the course and in the learner's copy.

    Raises:
        BadInputError: ``work`` is the course itself, is a file, or cannot be written.
    """
    if work.resolve() == source.resolve():
        raise BadInputError(
            f"The working folder {str(work)!r} is the course itself. Name another folder."
        )
    try:
        return _sync(source, work, ask)
    except OSError as error:
        raise BadInputError(
            f"Cannot write {error.filename!r}: {error.strerror}. Files that were already copied "
            "stay; make the working folder writable, or name another one, and run again."
        ) from error


def decide(
    *, handed_out: str | None, course: str, learner: str | None
) -> Literal["copy", "same", "update", "leave", "ask"]:
    """What to do with one file, from three hashes.

    Args:
        handed_out: What was last handed out; None where that is not known.
        course: The course's file now.
        learner: The learner's file; None where there is none.

    >>> decide(handed_out="a", course="b", learner="a")
    'update'
    >>> decide(handed_out="a", course="a", learner="mine")
    'leave'
    >>> decide(handed_out="a", course="b", learner="mine")
    'ask'
    """
    if learner is None:
        return "copy"
    if learner == course:
        return "same"
    if handed_out == learner:
        return "update"
    return "leave" if handed_out == course else "ask"


def ask_in_terminal(name: str) -> Answer:
    """Ask what to do with a file that both sides changed; without an answer nothing is done."""
    print(f"{name} changed in the course, and you changed your copy.")
    answers: dict[str, Answer] = {"k": "keep", "r": "replace", "b": "beside"}
    while True:
        try:
            typed = input(
                "[k]eep yours, [r]eplace it (your changes are lost), "
                "or put the new one [b]eside it? [k] "
            )
        except EOFError:
            print()
            return "later"
        answer = answers.get((typed.strip().lower() or "k")[0])
        if answer is not None:
            return answer
        print(f"{typed.strip()!r} is none of k, r and b.")


def answer_later(name: str) -> Answer:
    """The answer where nobody can be asked: touch nothing, and ask next time."""
    del name
    return "later"


def _sync(source: Path, work: Path, ask: Ask) -> Handout:
    """`sync`, after its arguments were checked."""
    handed_out = _read_manifest(work)
    outcomes: dict[str, Outcome] = {}
    try:
        for name in _names(source):
            outcome = _bring(source / name, work / name, name, handed_out, ask)
            if outcome is not None:
                outcomes[name] = outcome
    finally:  # an interrupted run keeps the answers that were given
        body = {"schema": "coursekit-workspace", "version": 1, "files": handed_out}
        write_atomically(work / MANIFEST, json.dumps(body, indent=1))
    return Handout(outcomes=outcomes)


def _bring(
    course: Path, learner: Path, name: str, handed_out: dict[str, str], ask: Ask
) -> Outcome | None:
    """Bring one file up to date; None where there was nothing to do or to say."""
    version = _digest(course)
    found = _digest(learner) if learner.exists() else None
    action = decide(handed_out=handed_out.get(name), course=version, learner=found)
    outcome: Outcome | None = None
    if action in ("copy", "update"):
        _copy(course, learner)
        outcome = "new" if action == "copy" else "updated"
    elif action == "ask":
        outcome = _settle(course, learner, ask(name))
    if outcome != "later":  # what was not settled is asked again
        handed_out[name] = version
    return outcome


def _settle(course: Path, learner: Path, answer: Answer) -> Outcome:
    """Do what the learner said about a file that both sides changed."""
    if answer == "replace":
        _copy(course, learner)
        return "updated"
    if answer == "beside":
        _copy(course, _free_name_beside(learner))
        return "beside"
    return "kept" if answer == "keep" else "later"


def _names(source: Path) -> Iterator[str]:
    """The files that a learner gets, relative and with forward slashes, hidden ones left out."""
    for folder in FOLDERS:
        for path in sorted((source / folder).rglob("*")):
            relative = path.relative_to(source)
            if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                yield relative.as_posix()


def _digest(path: Path) -> str:
    """A hash of what a person writes in a file: a notebook's cells, without their outputs.

    Jupyter changes the rest of a notebook when it is looked at and saved.
    """
    content = path.read_bytes()
    notebook = _notebook(path, content)
    if notebook is not None:
        written = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
        content = json.dumps(written).encode()
    return hashlib.sha256(content).hexdigest()


def _notebook(path: Path, content: bytes) -> Any:
    """What a notebook holds; None for another file, and for one that is damaged."""
    if path.suffix != ".ipynb":
        return None
    try:
        notebook = nbformat.reads(content.decode(), as_version=nbformat.NO_CONVERT)
    except (ValueError, AttributeError, nbformat.ValidationError):
        return None
    return notebook if _has_cells(notebook) else None


def _has_cells(notebook: Any) -> bool:
    """Whether its cells can be read: nbformat takes any JSON, and only logs what is wrong."""
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    return isinstance(cells, list) and all(
        isinstance(cell, dict) and {"cell_type", "source", "metadata"} <= cell.keys()
        for cell in cells
    )


def _handed_out(course: Path) -> bytes:
    """A file as the learner gets it: hidden outputs are left out.

    JupyterLab shows the first line of an output that is hidden, and that line may be the answer to
    the prediction above it.
    """
    content = course.read_bytes()
    notebook = _notebook(course, content)
    if notebook is None:
        return content
    for cell in notebook["cells"]:
        look = cell["metadata"].get("jupyter", {})
        if look.pop("outputs_hidden", False):
            cell |= {"outputs": [], "execution_count": None}
            if not look:
                del cell["metadata"]["jupyter"]
    return f"{nbformat.writes(notebook)}\n".encode()


def _copy(course: Path, learner: Path) -> None:
    """Copy a file; a crash leaves the old one or the new one, whole."""
    learner.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=learner.parent, prefix=f".{learner.name}.")
    os.close(handle)
    try:
        Path(name).write_bytes(_handed_out(course))
        Path(name).chmod(course.stat().st_mode & 0o777 | 0o600)  # a read-only course, a usable copy
        os.replace(name, learner)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _free_name_beside(path: Path) -> Path:
    """``lesson.new.ipynb``, or the first ``lesson.new2.ipynb`` … that is not taken."""
    for number in count(1):
        beside = path.with_name(f"{path.stem}.new{number if number > 1 else ''}{path.suffix}")
        if not beside.exists():
            break
    return beside


def _read_manifest(work: Path) -> dict[str, str]:
    """What was last handed out; a damaged manifest counts as none, so that more is asked."""
    try:
        files = json.loads((work / MANIFEST).read_text(encoding="utf-8"))["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}
