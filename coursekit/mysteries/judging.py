"""Is it right, and which measurement told: the answer to an answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from coursekit.errors import unknown
from coursekit.mysteries.causes import CAUSES, HEALTHY, words_of
from coursekit.mysteries.drawing import Mystery
from coursekit.mysteries.halves import within
from coursekit.mysteries.pool import Opened, Pool, stored
from coursekit.mysteries.sheet import Sheet
from coursekit.mysteries.tell import Tell
from coursekit.mysteries.tells import TELLS
from coursekit.mysteries.wording import two_digits


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """What a learner is shown after an answer.

    Attributes:
        number: The place of the run in the quiz.
        chosen: The answer that was given: a cause's name, or ``"healthy"``.
        answer: What is the matter.
        letter: The letter of that answer.
        measured: The deciding measurement, here and in the run beside it, in a sentence.
        why: What it says, in a sentence; "" where the run is healthy.
        doubt: Where another cause was named: where that would have shown, in a sentence.
        panel: The small plot in which the measurement is seen; "" where only the table has it.
        beside: The run that it is compared with: a healthy one, or one with the fault.
    """

    number: int
    chosen: str
    answer: str
    letter: str
    measured: str
    why: str
    doubt: str
    panel: str
    beside: Sheet = field(repr=False)

    @property
    def right(self) -> bool:
        """Whether the answer was right."""
        return self.chosen == self.answer

    @property
    def lesson(self) -> str:
        """The lesson to read again after a miss: of what was missed, or was seen in vain."""
        return CAUSES[self.chosen if self.answer == HEALTHY else self.answer].lesson

    def sentences(self) -> tuple[str, ...]:
        """All of it as sentences."""
        is_it = "Right. It is" if self.right else "Not so, it is"
        said = f"{is_it} {self.letter}: {words_of(self.answer)}."
        if not self.right:
            said = f"{said} You answered: {words_of(self.chosen)}."
        return tuple(line for line in (said, self.measured, self.why, self.doubt) if line)


def judge(mystery: Mystery, letter: str, *, pool: Pool | None = None) -> Verdict:
    """Judge an answer.

    Args:
        mystery: What was asked.
        letter: One of the letters of its options.
        pool: Where it was drawn from; None for the stored runs.

    Raises:
        UnknownNameError: The letter is none of its options.
    """
    pool = stored() if pool is None else pool
    if letter not in mystery.options:
        raise unknown("letter", letter, mystery.options)
    run = pool.opened(mystery.name)
    chosen = _name_of(mystery.options[letter])
    shown = within(pool, mystery.half)  # nothing of the other half may be seen here
    tell, beside = TELLS[run.case], _beside(run, shown, pool)
    return Verdict(
        number=mystery.number,
        chosen=chosen,
        answer=run.answer,
        letter=_letter_of(mystery, run.answer),
        measured=_measured(tell, mystery.sheet, beside, healthy=run.healthy),
        why="" if run.healthy else tell.why,
        doubt=_doubt(chosen, run, mystery.sheet, shown, pool),
        panel=tell.reading.panel,
        beside=beside,
    )


def _name_of(words: str) -> str:
    """The answer behind what a learner reads."""
    return next((name for name, cause in CAUSES.items() if cause.words == words), HEALTHY)


def _letter_of(mystery: Mystery, answer: str) -> str:
    """The letter of an answer."""
    words = words_of(answer)
    return next(letter for letter, text in mystery.options.items() if text == words)


def _beside(run: Opened, runs: Sequence[Opened], pool: Pool) -> Sheet:
    """A run of the same case and of the other kind."""
    other = next(one for one in runs if one.case == run.case and one.healthy != run.healthy)
    return pool.sheet(other.name)


def _measured(tell: Tell, here: Sheet, beside: Sheet, *, healthy: bool) -> str:
    """The deciding measurement of two runs."""
    what = "in a run with that network and a fault" if healthy else "in a healthy run like it"
    values = two_digits(tell.reading.of(here)), two_digits(tell.reading.of(beside))
    words = words_of(tell.cause)
    fault = f" ({words[0].lower()}{words[1:]})" if healthy else ""
    return f"{tell.reading.words}: {values[0]} here, {values[1]} {what}{fault}."


def _doubt(chosen: str, run: Opened, here: Sheet, runs: Sequence[Opened], pool: Pool) -> str:
    """Where the cause that was named in vain would have shown."""
    if chosen in (HEALTHY, run.answer, run.cause):
        return ""
    other = next(one for one in runs if one.cause == chosen and not one.healthy)
    reading = TELLS[other.case].reading
    there = two_digits(reading.of(pool.sheet(other.name)))
    return (
        f"What you named would show elsewhere. {reading.words}: {two_digits(reading.of(here))} "
        f"here, {there} in a run with that fault."
    )
