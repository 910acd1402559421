"""The state of a prediction's form: plain values and a pure `answer`. No widget in here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coursekit.errors import BadInputError
from coursekit.predictions import Confidence, Prediction, check_key


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A question, and how far the learner is with it.

    Attributes:
        key: Lesson and question: ``"01-fix"``.
        question: What is asked.
        options: Letter to text.
        choice: The letter chosen so far.
        confidence: How sure the learner is, so far.
        reason: A line of their own, or "".
        message: What the form says below its buttons.
    """

    key: str
    question: str
    options: Mapping[str, str]
    choice: str | None = None
    confidence: Confidence | None = None
    reason: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        check_key(self.key)
        if len(self.options) < 2 or not all(isinstance(each, str) for each in self.options):
            raise BadInputError(
                f"The options are {dict(self.options)!r}. "
                'Give two or more, by letter: options={"A": "…", "B": "…"}.'
            )

    def in_words(self) -> str:
        """The question and its options, for a reader without a kernel; never what was chosen."""
        lines = [f"Your prediction: {self.question}"]
        return "\n".join([*lines, *(f"  {key}. {text}" for key, text in self.options.items())])


@dataclass(frozen=True, kw_only=True)
class Edited:
    """The form's fields changed."""

    choice: str | None
    confidence: Confidence | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Saved:
    """The prediction is on file; `notice` is what the store had to say, or ""."""

    notice: str = ""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """The learner goes on without an answer."""


@dataclass(frozen=True, kw_only=True)
class Troubled:
    """It could not be read or saved."""

    words: str


Event = Edited | Saved | Skipped | Troubled


def answer(state: Asking, event: Event) -> Asking:
    """The state after an event.

    >>> form = Asking(key="01-fix", question="Which?", options={"A": "this", "B": "that"})
    >>> answer(form, Edited(choice="A", confidence="sure", reason="")).choice
    'A'
    >>> answer(form, Skipped()).message
    'Skipped. Run the next cell.'
    """
    match event:
        case Edited(choice=choice, confidence=confidence, reason=reason):
            return replace(state, choice=choice, confidence=confidence, reason=reason, message="")
        case Saved(notice=notice):
            said = f"Saved: {state.choice}, {state.confidence}. Run the next cell."
            return replace(state, message=f"{notice} {said}".strip())
        case Skipped():
            return replace(state, message="Skipped. Run the next cell.")
        case Troubled(words=words):
            return replace(state, message=words)


def missing(state: Asking) -> str:
    """What must still be chosen before the form can be saved, or ""."""
    if state.choice is None:
        return "Choose a letter first, or press Skip."
    if state.confidence is None:
        return "Choose how sure you are, too, or press Skip."
    return ""


def to_save(state: Asking) -> Prediction:
    """The form as a prediction; call it when nothing is missing."""
    if state.choice is None or state.confidence is None:
        raise BadInputError(missing(state))
    return Prediction(
        key=state.key,
        choice=state.choice,
        answer=state.options[state.choice],
        confidence=state.confidence,
        reason=state.reason.strip(),
    )


def recall(state: Asking, saved: Prediction | None) -> Asking:
    """The form with an earlier answer filled in, where the options still read the same."""
    if saved is None:
        return state
    if state.options.get(saved.choice) != saved.answer:
        said = f"Your saved answer was “{saved.answer}”; the options have changed since."
        return replace(state, message=said)
    return replace(
        state,
        choice=saved.choice,
        confidence=saved.confidence,
        reason=saved.reason,
        message=f"Your saved answer: {saved.choice}, {saved.confidence}. You may change it.",
    )
