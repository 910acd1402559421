"""The state of a quiz of mystery runs: plain values and a pure `proceed`. No widget in here."""

from dataclasses import dataclass, replace

from coursekit.errors import BadInputError
from coursekit.mysteries import Mystery, Plan, Verdict, line_to_copy, score_in_words
from coursekit.mysteries.causes import HEALTHY


@dataclass(frozen=True, kw_only=True)
class Quizzing:
    """Which run is shown, and how far the learner is.

    Attributes:
        plan: What was asked for.
        mysteries: What is asked, in order.
        place: Which of them is shown, from 0.
        choice: The letter chosen so far.
        verdicts: One for each run that was answered.
        message: Sentences below the buttons.
        score: The score in a sentence once all runs are answered; "" before.
        line: The score as a line to copy, then.
        alarm: What went wrong, or "".
    """

    plan: Plan
    mysteries: tuple[Mystery, ...]
    place: int = 0
    choice: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    message: tuple[str, ...] = ()
    score: str = ""
    line: str = ""
    alarm: str = ""

    def __post_init__(self) -> None:
        if not self.mysteries:
            raise BadInputError("No run was drawn. Ask for at least one.")

    @property
    def shown(self) -> Mystery:
        """The run that is asked."""
        return self.mysteries[self.place]

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on the run that is shown; None before the answer."""
        return self.verdicts[self.place] if len(self.verdicts) > self.place else None

    @property
    def is_last(self) -> bool:
        """Whether no run comes after this one."""
        return self.place == len(self.mysteries) - 1

    @property
    def is_over(self) -> bool:
        """Whether all runs are answered."""
        return len(self.verdicts) == len(self.mysteries)

    def in_words(self) -> str:
        """What a reader without a kernel sees; the same whatever was answered."""
        runs = "run" if len(self.mysteries) == 1 else "runs"
        return (
            f"Mystery runs: {len(self.mysteries)} {runs} without a label. What is the matter with "
            "each, or is it healthy? Run this cell to answer."
        )


@dataclass(frozen=True, kw_only=True)
class Chose:
    """Another letter is chosen, or none."""

    choice: str | None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The answer was judged."""

    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class WentOn:
    """The learner asks for the next run."""


@dataclass(frozen=True, kw_only=True)
class Lacked:
    """The learner answered without a letter."""


@dataclass(frozen=True, kw_only=True)
class Troubled:
    """Something could not be drawn or judged."""

    words: str


Event = Chose | Judged | WentOn | Lacked | Troubled


def proceed(state: Quizzing, event: Event) -> Quizzing:
    """The state after an event; an event that has no place now changes nothing."""
    match event:
        case Troubled(words=words):
            return replace(state, alarm=words)
        case Chose(choice=choice) if state.verdict is None:
            return replace(state, choice=choice, message=(), alarm="")
        case Lacked() if state.verdict is None:
            return replace(state, message=("Choose a letter first.",))
        case Judged(verdict=verdict) if state.verdict is None:
            return _judged(state, verdict)
        case WentOn() if state.verdict is None:
            return replace(state, message=("Answer this run first.",))
        case WentOn() if not state.is_last:
            return replace(state, place=state.place + 1, choice=None, message=(), alarm="")
        case _:
            return state


def _judged(state: Quizzing, verdict: Verdict) -> Quizzing:
    """With the verdict, and the score where it was the last one."""
    verdicts = (*state.verdicts, verdict)
    message, score, line = (*verdict.sentences(), _picture_in_words(verdict)), "", ""
    if len(verdicts) == len(state.mysteries):
        first, *others = score_in_words(verdicts, of=len(verdicts))
        message, score = (*message, *others), f"Score: {first}"
        line = line_to_copy(state.plan, verdicts, of=len(verdicts))
    return replace(state, verdicts=verdicts, message=message, score=score, line=line, alarm="")


def _picture_in_words(verdict: Verdict) -> str:
    """What was drawn into the picture with the verdict."""
    frame = "the orange frame is around the plot where it is seen, " if verdict.panel else ""
    beside = "the run with a fault" if verdict.answer == HEALTHY else "the healthy run"
    return (
        f"In the picture, {frame}the thin black lines are {beside} that this one is compared with."
    )
