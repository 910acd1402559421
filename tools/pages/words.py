"""Words in Markdown."""

import re


def escaped(text: str) -> str:
    r"""A sentence of plain text, with nothing in it that Markdown would read as its own.

    >>> escaped("mean_squared | x*y")
    'mean\\_squared \\| x\\*y'
    >>> escaped("a `zero_grad` call")
    'a `zero_grad` call'
    """
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\*_|<>\[\]$])", r"\\\1", part)
        for part in parts
    )


def link(text: str, target: str) -> str:
    """A link with a text of its own.

    >>> link("one-nan", "failures/one-nan.md")
    '[one-nan](failures/one-nan.md)'
    """
    return f"[{escaped(text)}]({target})"


def anchor(heading: str) -> str:
    """The end of an address that leads to a heading, as MyST makes it.

    >>> anchor("Training is good, validation is not")
    'training-is-good-validation-is-not'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
