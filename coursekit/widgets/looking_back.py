"""What a learner predicted beside what happened: plain values and words. No widget in here."""

from collections.abc import Sequence
from dataclasses import dataclass

from coursekit.errors import BadInputError
from coursekit.predictions import CONFIDENCES, Prediction


@dataclass(frozen=True)
class Happened:
    """What a question's answer turned out to be.

    Attributes:
        letter: The option that came true.
        text: That option, in words.
        told_by: The measurement that would have told.
    """

    letter: str
    text: str
    told_by: str

    def __post_init__(self) -> None:
        for name in ("letter", "text", "told_by"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise BadInputError(
                    f"Happened got {getattr(self, name)!r} as its {name}. "
                    'Give three texts: Happened("B", "more epochs", told_by="the loss").'
                )


@dataclass(frozen=True, kw_only=True)
class Line:
    """One question, looked back on.

    Attributes:
        key: The question.
        question: It in words, or the key where it was not asked in this kernel.
        predicted: What the learner had chosen, and how sure, or that there is no prediction.
        reason: The learner's own line, or "".
        happened: What came true.
        told_by: The measurement that would have told.
        right: Whether both agree; None without a prediction.
    """

    key: str
    question: str
    predicted: str
    reason: str
    happened: str
    told_by: str
    right: bool | None


def line(key: str, happened: Happened, predicted: Prediction | None, *, question: str) -> Line:
    """One line of the view back.

    >>> happened = Happened("D", "scale", told_by="the spread")
    >>> line("01-fix", happened, None, question="Which change?").predicted
    'nothing saved'
    """
    said = "nothing saved"
    if predicted is not None:
        said = f"{predicted.choice}. {predicted.answer} ({predicted.confidence})"
    return Line(
        key=key, question=question, predicted=said,
        reason="" if predicted is None else predicted.reason,
        happened=f"{happened.letter}. {happened.text}",
        told_by=happened.told_by,
        right=None if predicted is None else predicted.choice == happened.letter,
    )  # fmt: skip


def calibration(settled: Sequence[tuple[Prediction, str]]) -> str:
    """How often the learner was right, by how sure, over all questions that are settled.

    Args:
        settled: Each prediction with the letter that came true.

    >>> one = Prediction(key="01-fix", choice="B", answer="", confidence="sure")
    >>> calibration([(one, "B"), (one, "C")])
    'So far: when sure, right 1 of 2.'
    >>> calibration([])
    ''
    """
    parts = []
    for confidence in reversed(CONFIDENCES):
        hits = [said.choice == letter for said, letter in settled if said.confidence == confidence]
        if hits:
            words = {"sure": "when sure", "think": "when thinking so", "guess": "when guessing"}
            parts.append(f"{words[confidence]}, right {sum(hits)} of {len(hits)}")
    return f"So far: {'; '.join(parts)}." if parts else ""
