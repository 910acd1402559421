"""The errors that coursekit raises on purpose: each message says what to do next."""

from collections.abc import Iterable
from difflib import get_close_matches


class CoursekitError(Exception):
    """Base of the errors whose message is meant to be read by a learner."""


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
    listing = ", ".join(names) if names else "none"
    text = f"No {kind} {given!r}.{guess} {_plural(kind).capitalize()}: {listing}."
    return UnknownNameError(f"{text} {see}".rstrip())


def _plural(kind: str) -> str:
    """Several of a kind.

    >>> _plural("quantity"), _plural("data set"), _plural("measurement of layers")
    ('quantities', 'data sets', 'measurements of layers')
    """
    head, of, rest = kind.partition(" of ")
    many = f"{head[:-1]}ies" if head.endswith("y") else f"{head}s"
    return f"{many}{of}{rest}"
