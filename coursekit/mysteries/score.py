"""The end of a quiz, in words, and in a line that can be collected. It is kept nowhere."""

from collections.abc import Sequence

from coursekit.mysteries.causes import HEALTHY, LESSONS, words_of
from coursekit.mysteries.drawing import Plan
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


def line_to_copy(plan: Plan, verdicts: Sequence[Verdict], *, of: int) -> str:
    """One line for whoever collects the scores of a class; "" where nothing was answered.

    Args:
        plan: What was asked for.
        verdicts: One for each answer.
        of: How many runs were drawn.

    >>> from coursekit.mysteries import draw, judge
    >>> plan = Plan(seed=11, only="01,04", half="A")
    >>> line_to_copy(plan, [judge(one, "A") for one in draw(plan)], of=10)
    'seed 11, lessons 01+04, half A: causes 2 of 8, healthy called ill 2 of 2, ill called healthy 0 of 8'
    """  # noqa: E501 - a doctest's output cannot be wrapped
    if not verdicts:
        return ""
    ill = [verdict for verdict in verdicts if verdict.answer != HEALTHY]
    named = sum(verdict.right for verdict in ill)
    missed = sum(verdict.chosen == HEALTHY for verdict in ill)
    sound = [verdict for verdict in verdicts if verdict.answer == HEALTHY]
    alarms = sum(not verdict.right for verdict in sound)
    half = f", half {plan.half}" if plan.half else ""
    line = (
        f"seed {plan.seed}, {plan.scope}{half}: causes {named} of {len(ill)}, healthy called ill "
        f"{alarms} of {len(sound)}, ill called healthy {missed} of {len(ill)}"
    )
    return line if len(verdicts) == of else f"{line}, answered {len(verdicts)} of {of}"


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
