"""What lessons say in words holds on other processors, too."""

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbtools.arithmetic import OTHERS
from nbtools.targets import Target, targets
from nbtools.verdicts import flipped, flipped_with

LESSONS = [target for target in targets() if target.kind == "lesson"]


def printed(text: str, *tags: str) -> NotebookNode:
    """A notebook of one cell that printed a text."""
    cell = new_code_cell(outputs=[new_output("stream", name="stdout", text=text)])
    cell.metadata["tags"] = list(tags)
    return new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        ("clipped: learns, 0.91\n", "clipped: learns, 0.87\n", 0),
        ("loss 2e-05\n", "loss 3.1\n", 0),
        ("loss 3.1\n", "loss nan\n", 1),
        ("clipped: learns\n", "clipped: does not learn\n", 1),
        ("one\n", "one\ntwo\n", 1),
    ],
)
def test_words_count_and_numbers_do_not(before: str, after: str, faults: int) -> None:
    assert len(flipped(printed(before), printed(after))) == faults


def test_a_cell_that_nbval_does_not_compare_may_say_anything() -> None:
    cells = [printed(text, "nbval-ignore-output") for text in ("cpu", "a graphics card")]
    assert flipped(*cells) == []


@pytest.mark.slow  # half a minute each
@pytest.mark.parametrize("target", LESSONS, ids=[target.path.stem for target in LESSONS])
@pytest.mark.parametrize("arithmetic", OTHERS)
def test_no_verdict_of_a_lesson_flips(target: Target, arithmetic: str) -> None:
    assert flipped_with(OTHERS[arithmetic], target) == []
