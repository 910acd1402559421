"""What lessons and solutions print holds on other processors, too."""

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbtools.arithmetic import OTHERS
from nbtools.targets import Target, targets
from nbtools.verdicts import differing, differing_with

ANSWERED = [target for target in targets() if target.kind != "exercise"]


def printed(text: str, *tags: str) -> NotebookNode:
    """A notebook of one cell that printed a text."""
    cell = new_code_cell(outputs=[new_output("stream", name="stdout", text=text)])
    cell.metadata["tags"] = list(tags)
    return new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        ("clipped: learns, over 0.5\n", "clipped: learns, over 0.5\n", 0),
        ("clipped: learns, 0.91\n", "clipped: learns, 0.92\n", 1),
        ("loss 3.1\n", "loss nan\n", 1),
        ("clipped: learns\n", "clipped: does not learn\n", 1),
        ("one\n", "one\ntwo\n", 1),
    ],
)
def test_a_line_that_differs_is_found(before: str, after: str, faults: int) -> None:
    assert len(differing(printed(before), printed(after))) == faults


def test_a_cell_that_nbval_does_not_compare_may_say_anything() -> None:
    cells = [printed(text, "nbval-ignore-output") for text in ("cpu", "a graphics card")]
    assert differing(*cells) == []


@pytest.mark.slow  # up to half a minute each
@pytest.mark.parametrize("target", ANSWERED, ids=[target.label for target in ANSWERED])
@pytest.mark.parametrize("arithmetic", OTHERS)
def test_no_line_hangs_on_the_processor(target: Target, arithmetic: str) -> None:
    assert differing_with(OTHERS[arithmetic], target) == []
