"""What a check says when it does not pass."""

from coursekit.errors import CoursekitError


class NotAnswered(CoursekitError):  # noqa: N818  the word that a learner reads in the blank
    """A blank that nobody has filled yet: what the body of every blank raises."""


class CheckFailed(CoursekitError):  # noqa: N818  a verdict on an answer, no fault of the program
    """An answer that does not pass: what was seen, and the first hint."""
