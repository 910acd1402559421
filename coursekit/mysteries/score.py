"""The end of a quiz, in words. It is shown and kept nowhere."""

from collections.abc import Sequence

from coursekit.mysteries.causes import HEALTHY, LESSONS, words_of
from coursekit.mysteries.judging import Verdict


def score_in_words(verdicts: Sequence[Verdict], *, of: int) -> tuple[str, ...]:
    """How many were right, how good "healthy" was, and what to read again.

    Args:
        verdicts: One for each answer.
        of: How many runs were drawn.

    Returns:
        Sentences, the score first.
    """
    if not verdicts:
        return ("No run was answered.",)
    lines = [_head(verdicts, of=of)]
    misses = [verdict for verdict in verdicts if not verdict.right]
    for verdict in misses:
        lesson = verdict.lesson
        lines.append(
            f"Mystery {verdict.number} was: {words_of(verdict.answer)}. "
            f"Read again: lesson {lesson}, {LESSONS[lesson]}."
        )
    return tuple(lines)


def _head(verdicts: Sequence[Verdict], *, of: int) -> str:
    """``8 of 10; when you said healthy, right 2 of 3.``"""
    right = sum(verdict.right for verdict in verdicts)
    sick = [verdict for verdict in verdicts if verdict.chosen == HEALTHY]
    said = f"{right} of {len(verdicts)}"
    if len(verdicts) < of:
        said += f" answered ({of} were drawn)"
    if not sick:
        return f"{said}; you never said healthy."
    return f"{said}; when you said healthy, right {sum(v.right for v in sick)} of {len(sick)}."
