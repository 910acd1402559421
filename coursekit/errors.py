"""The errors that coursekit raises on purpose: each message says what to do next."""

import sys
import textwrap
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

_HERE = str(Path(__file__).parent)
_INSTALLED = {"site-packages", "dist-packages"}
_MOST_NAMES = 24
_WIDTH = 92  # characters; JupyterLab shows some more in a window of 1280 pixels


class CoursekitError(Exception):
    """Base of the errors whose message is meant to be read by a learner."""

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows: the learner's own lines that led here, and the message.

        The lines of the library in between are for its authors, whom a plain Python serves: it
        shows them as ever.
        """
        cause = self.__cause__
        lines = [] if cause is None else [*_own_lines(cause), _said(cause), ""]
        return [*lines, *_own_lines(self), _said(self)]


class UnknownNameError(CoursekitError, LookupError):
    """A name that coursekit does not know."""


class BadInputError(CoursekitError, ValueError):
    """A value that cannot be used: wrong type, shape, range or device."""


class MissingPackageError(CoursekitError, ImportError):
    """An optional package that is not installed."""


def unknown(kind: str, given: object, known: Iterable[str], *, see: str = "") -> UnknownNameError:
    """Word an unknown name: what came, what there is, where to look.

    Args:
        kind: What was looked up, in one or two words: ``"case"``, ``"data set"``.
        given: What came.
        known: The names that exist.
        see: A last sentence, such as ``"See record.layers."``.

    >>> str(unknown("layer", "fc9", ["0", "2"], see="See record.layers."))
    "No layer 'fc9'. Layers: 0, 2. See record.layers."
    """
    names = list(known)
    close = get_close_matches(str(given), names, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    some, more = names[:_MOST_NAMES], len(names) - _MOST_NAMES
    listing = ", ".join(some) if some else "none"
    listing = f"{listing} … and {more} more" if more > 0 else listing
    text = f"No {kind} {given!r}.{guess} {_plural(kind).capitalize()}: {listing}."
    return UnknownNameError(f"{text} {see}".rstrip())


def _own_lines(error: BaseException) -> list[str]:
    """Where the error passed through code that is not installed, in Python's words."""
    kept = [
        frame for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in Path(frame.filename).parts for part in _INSTALLED)
        and not frame.filename.startswith((_HERE, "<"))
    ]  # fmt: skip
    return [f"{_place(frame.filename)}, line {frame.lineno}: {frame.line}" for frame in kept]


def _place(filename: str) -> str:
    """A file, or the cell of a notebook, whose file has a name that says nothing."""
    shell = ipython_shell()
    cell = shell.compile.format_code_name(filename) if shell else None
    return " ".join(cell) if cell else filename


def ipython_shell() -> Any:
    """The shell of IPython that this code runs in; None elsewhere. It loads nothing."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def in_notebook() -> bool:
    """Whether this is a kernel, and not a terminal or a program."""
    return getattr(ipython_shell(), "kernel", None) is not None


def _said(error: BaseException) -> str:
    """The last line of a traceback, as wide as a cell is."""
    text = traceback.format_exception_only(error)[-1].rstrip().partition(": ")
    name = text[0].rpartition(".")[2]
    return wrapped(f"{name}{text[1]}{text[2]}")


def wrapped(text: str) -> str:
    """Text in lines that fit into a notebook's output, which breaks longer ones within words.

    >>> len(wrapped("a b " * 40).splitlines())
    2
    """
    fits = partial(textwrap.fill, width=_WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(fits(line) for line in text.splitlines())


def _plural(kind: str) -> str:
    """Several of a kind.

    >>> _plural("quantity"), _plural("data set"), _plural("measurement of layers")
    ('quantities', 'data sets', 'measurements of layers')
    """
    head, of, rest = kind.partition(" of ")
    many = f"{head[:-1]}ies" if head.endswith("y") else f"{head}s"
    return f"{many}{of}{rest}"
