"""The questions that were asked in this kernel, for the view back. No widget in here.

The file of predictions keeps answers alone; a question stands in the lesson, and here.
"""

import textwrap

SHORT = 90

_QUESTIONS: dict[str, str] = {}  # of one kernel, as its cells are: key to question


def note(key: str, question: str) -> None:
    """Keep a question; the newest wording counts."""
    _QUESTIONS[key] = question


def heading(key: str) -> str:
    """The question in at most `SHORT` characters, cut at a word; the key where it was not asked.

    >>> note("99-doctest", "Which one change? " + 12 * "Look well. ")
    >>> heading("99-doctest")
    'Which one change? Look well. Look well. Look well. Look well. Look well. Look well. Look …'
    >>> heading("99-never")
    '99-never'
    """
    return textwrap.shorten(_QUESTIONS.get(key, key), SHORT, placeholder=" …")
