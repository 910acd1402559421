"""The lint of numbers in a text, on texts that say too much."""

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbtools.prose import unproved


def saying(text: str, *, code: str = "", printed: str = "") -> NotebookNode:
    """A notebook of one paragraph and one cell."""
    outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
    return new_notebook(cells=[new_markdown_cell(text), new_code_cell(code, outputs=outputs)])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("It reaches 0.97 on all seeds.", "0.97"),
        ("There are 1,797 pictures.", "1,797"),
        ("On twenty seeds.", "twenty"),
        ("Forty layers.", "Forty"),
        ("In 97 % of all cases.", "97"),
        ("A rate of 1e-4.", "1e-4"),
        ("| 12 | rows |", "12"),
    ],
)
def test_a_number_that_nothing_computes_is_found(text: str, word: str) -> None:
    (fault,) = unproved(saying(text, code="rows = 5"))
    assert fault == f"Cell 1 says {word!r}, and no code cell computes or prints it."


@pytest.mark.parametrize(
    ("text", "code", "printed"),
    [
        ("It reaches 0.97.", "", "accuracy 0.97\n"),
        ("There are 1,797 pictures.", "assert len(x) == 1797", ""),
        ("On twenty seeds.", "", "20 seeds\n"),
        ("In 97 % of all cases.", "", "0.97"),
        ("A million times smaller.", "", "10^-6 of it"),
        ("A tenth, ten times.", "lr / 10", ""),
        ("Lesson 04 and lessons 02, 05 have it; in 2002 too. It takes 25 minutes.", "", ""),
        ("# 07 · A title\n\n1. Run\n4. Look at `x[17]` in [the text](a_99.ipynb).", "", ""),
        ("Two panels, three lines.", "", ""),
    ],
)
def test_a_number_that_stands_in_a_cell_is_none(text: str, code: str, printed: str) -> None:
    assert unproved(saying(text, code=code, printed=printed)) == []
