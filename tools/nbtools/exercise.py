"""From a solution to an exercise: the answers come out, and a check finds any that stay."""

import copy
from collections.abc import Iterator

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from traitlets.config import Config

from coursekit.grading.course import STUB, TEXT_STUB

MIN_LINE = 12  # characters: a shorter line of an answer is too common to look for
_KEPT = ("jupyter", "minutes", "nbgrader", "tags")
_BEGIN = ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS")
_END = ("END SOLUTION", "END HIDDEN TESTS")


def clear(solution: NotebookNode) -> NotebookNode:
    """The learner's copy of a solution that has not run: nbgrader's stubs in place of answers.

    Check cells get the tag ``raises-exception``; metadata that no tool reads and attachments
    stay behind, so that nothing can hide in them.

    Raises:
        RuntimeError: Markers are nested or not closed, or stand in a cell that nbgrader's
            metadata does not call a solution.
    """
    config = Config()
    config.ClearSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.text_stub = TEXT_STUB
    exercise = copy.deepcopy(solution)
    for step in (ClearSolutions(config=config), ClearHiddenTests(config=config)):
        exercise, _ = step.preprocess(exercise, {})
    for cell in exercise.cells:
        cell.pop("attachments", None)
        for key in [key for key in cell.metadata if key not in _KEPT]:
            del cell.metadata[key]
        if "check" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "raises-exception"]
    return exercise


def answer_lines(solution: NotebookNode) -> list[str]:
    """The lines that only the answers hold, longer than `MIN_LINE`, spaces evened out.

    Reads the markers itself, so that it does not share a fault with what clears them.
    """
    answers: list[str] = []
    kept: list[str] = []
    for cell in solution.cells:
        for line, secret in _marked(cell):
            (answers if secret else kept).append(" ".join(line.split()))
    public = "\n".join(kept)
    return [line for line in answers if len(line) > MIN_LINE and line not in public]


def leaks(solution: NotebookNode, exercise: NotebookNode) -> list[str]:
    """One sentence for each line of an answer that is found anywhere in the learner's copy.

    Looks at sources, outputs, metadata and attachments.
    """
    found = "\n".join(
        " ".join(line.split()) for text in _texts(exercise) for line in text.splitlines()
    )
    return [f"The answer {line!r} is in the exercise." for line in answer_lines(solution)
            if line in found]  # fmt: skip


def _marked(cell: NotebookNode) -> Iterator[tuple[str, bool]]:
    """Each line of a cell, and whether it belongs to an answer; markers are left out."""
    lines = cell.source.splitlines()
    solution = cell.metadata.get("nbgrader", {}).get("solution", False)
    bare = solution and not any(_BEGIN[0] in line for line in lines)
    inside = whole = bare or "solution-only" in cell.metadata.get("tags", [])
    for line in lines:
        if any(mark in line for mark in _BEGIN):
            inside = True
        elif any(mark in line for mark in _END):
            inside = whole
        else:
            yield line, inside


def _texts(node: object) -> Iterator[str]:
    """Every text in a notebook, keys included."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
