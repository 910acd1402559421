"""Text that fits on a page of feedback, where nbgrader's style cuts off what is wider."""

import textwrap

WIDTH = 72  # characters; 95 fit on a screen, and 75 on a printed A4


def on_page(text: str) -> str:
    """Text in lines that fit; a path or a name that is longer than a line is broken.

    >>> [len(line) for line in on_page("a b " * 30 + "c" * 100).splitlines()]
    [71, 72, 72, 4]
    """
    return "\n".join(
        textwrap.fill(line, width=WIDTH, break_on_hyphens=False) for line in text.splitlines()
    )
