"""Diagnosis: judges a letter and a change by running a colleague's script on unseen seeds.

The untouched script, the script with the change and, where a letter blames a setting, the script
with other values of it. A letter is judged by measuring these runs: no answer is stored anywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from coursekit.checks.calling import call
from coursekit.checks.check import Clause
from coursekit.checks.experiment import Script, Settings, call_text
from coursekit.checks.said import Kinds, Limits, letter_and_change, real_changes
from coursekit.checks.wording import told_apart

ONE_KEYWORD = (
    "One keyword for one cause: without one nothing is healed, and with two you cannot know which "
    "one it was."
)


class AnyRun(Protocol):
    """What every run of a script can tell."""

    @property
    def accuracy(self) -> float:
        """Share of the held-out rows that the network names rightly."""

    @property
    def rows(self) -> npt.NDArray[np.floating[Any]]:
        """Training rows as they enter the network, shape (rows, features)."""

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Class numbers of the training rows, shape (rows,)."""


R = TypeVar("R", bound=AnyRun)


@dataclass(frozen=True, kw_only=True)
class Cause(Generic[R]):
    """One lettered cause.

    Attributes:
        holds: Whether this is what is the matter with a run.
        measured: The measurement that says so, or that it is not, in a clause of a sentence.
        others: For a cause that other settings would heal, those settings; else none.
    """

    measured: Callable[[R], str]
    holds: Callable[[R], bool] = lambda _: False
    others: Callable[[R], tuple[Mapping[str, float], ...]] = lambda _: ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence(Generic[R]):
    """What the learner said, and what running showed.

    Attributes:
        letter: The cause that was named.
        changes: Keyword and value, where the value is not the script's own.
        untouched: A run for each seed of the script as it stands.
        changed: A run for each seed with the changes.
        others: Where the letter blames a setting: other values of it, and the run on the first
            seed with each.
    """

    letter: str
    changes: Settings
    untouched: tuple[R, ...]
    changed: tuple[R, ...]
    others: tuple[tuple[Mapping[str, float], R], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Generic[R]):
    """One exercise's script, its lettered causes, and what its check asks of a change.

    Attributes:
        causes: The causes by their letters.
        healthy: The letter that says that nothing is the matter.
        enough: Accuracy of a healthy run.
        stuck: Accuracy that the script as it is given does not exceed.
        seeds: Seeds that the learner has not seen.
        limits: Least and greatest value of a keyword: seconds, not minutes.
        run: Runs the script with a seed and settings.
        known: The label of each row that may enter the network, by the row's bytes in float32.
        strange: What else about an untouched run is not as it was given, in a clause of a sentence;
            None where all is.
        numbers_only: Whether every keyword of the script takes a number.
        also_takes: Then, what else a keyword takes.
    """

    causes: Mapping[str, Cause[R]]
    healthy: str
    enough: float
    stuck: float
    seeds: tuple[int, ...]
    limits: Limits
    run: Callable[[Script, int, Settings], R]
    known: Callable[[], Mapping[bytes, int]]
    strange: Callable[[R], str | None] = lambda _: None
    numbers_only: bool = False
    also_takes: Kinds = field(default_factory=dict)

    def gather(self, diagnose: object, experiment: Script) -> Evidence[R]:
        """Read the answer, then run the script with and without its change."""
        said = call(diagnose, {}, name="diagnose").result
        letter, change = letter_and_change(said, self.causes)
        changes = real_changes(
            experiment, change, limits=self.limits, numbers_only=self.numbers_only,
            also_takes=self.also_takes,
        )  # fmt: skip
        untouched = tuple(self.run(experiment, seed, {}) for seed in self.seeds)
        changed = tuple(self.run(experiment, seed, changes) for seed in self.seeds if changes)
        others = self.causes[letter].others(untouched[0])
        return Evidence(
            letter=letter,
            changes=changes,
            untouched=untouched,
            changed=changed or untouched,
            others=tuple((one, self.run(experiment, self.seeds[0], one)) for one in others),
        )

    def script_is_as_given(self, evidence: Evidence[R]) -> str | None:
        """Without a change, the script behaves as it did when the learner got it."""
        edited = "Without a change, the script does not behave as it was given:"
        known = self.known()
        for seed, run in zip(self.seeds, evidence.untouched, strict=True):
            rows = zip(run.rows.astype(np.float32), run.labels, strict=True)
            if any(known.get(row.tobytes()) != label for row, label in rows):
                return f"{edited} other rows reach the network on seed {seed}."
            if run.accuracy > self.stuck:
                return f"{edited} it reaches an accuracy of {run.accuracy:.2f} on seed {seed}."
            strange = self.strange(run)
            if strange:
                return f"{edited} {strange} on seed {seed}."
        return None

    def letter_is_measured(self, evidence: Evidence[R]) -> str | None:
        """What the letter says is true of the untouched script."""
        if evidence.others:
            return self._other_settings_heal(evidence)
        letter = evidence.letter
        return ruled_out(letter, self.causes[letter], self.seeds, evidence.untouched)

    def one_change(self, evidence: Evidence[R]) -> str | None:
        """One keyword differs; none where the script is healthy."""
        healthy = all(self.causes[self.healthy].holds(run) for run in evidence.untouched)
        return too_few_or_many(evidence.letter, evidence.changes, expected=0 if healthy else 1)

    def change_heals(self, evidence: Evidence[R]) -> str | None:
        """With the change, held-out rows are named rightly."""
        for seed, run in zip(self.seeds, evidence.changed, strict=True):
            if not run.accuracy >= self.enough:  # also where it is no number
                seen, least = told_apart(run.accuracy, self.enough)
                return (
                    f"With {call_text(evidence.changes)}, the accuracy on held-out rows is "
                    f"{seen} on seed {seed}; expected at least {least}."
                )
        return None

    def cause_is_gone(self, cause: Cause[R], evidence: Evidence[R]) -> str | None:
        """With the change, this cause does not hold any more."""
        for seed, run in zip(self.seeds, evidence.changed, strict=True):
            if cause.holds(run):
                return (
                    f"With {call_text(evidence.changes)}, the accuracy on seed {seed} is "
                    f"{run.accuracy:.2f}, but {cause.measured(run)}. The cause is still there."
                )
        return None

    def clauses(self, *, letter: str, heals: str) -> tuple[Clause[Evidence[R]], ...]:
        """The clauses of every diagnosis.

        Args:
            letter: The hint where the letter is wrong.
            heals: The hint where the change does not heal.
        """
        return (
            Clause(
                name="given",
                test=self.script_is_as_given,
                hint="Undo your edits of its cell. The repair is a keyword argument.",
            ),
            Clause(name="letter", test=self.letter_is_measured, hint=letter),
            Clause(
                name="one change",
                test=self.one_change,
                hint=ONE_KEYWORD,
            ),
            Clause(name="heals", test=self.change_heals, hint=heals),
        )

    def without(self, cause: Cause[R], *, hint: str) -> Clause[Evidence[R]]:
        """The clause that the change removes a cause, not its effect on the accuracy alone."""
        return Clause(name="cause", test=partial(self.cause_is_gone, cause), hint=hint)

    def verified(self, evidence: Evidence[R], *, also: str = "", digits: int = 2) -> str:
        """What a pass has shown.

        Args:
            evidence: The evidence.
            also: What else it has shown, from the comma on.
            digits: How many the accuracies are written with; one where machines differ, none
                where they differ so much that only the limits are sure.
        """
        before, after = (
            " and ".join(f"{run.accuracy:.{digits}f}" for run in runs)
            for runs in (evidence.untouched, evidence.changed)
        )
        about = "about " if digits < 2 else ""
        if digits == 0:
            about, before, after = "", f"at most {self.stuck:g}", f"at least {self.enough:g}"
        seeds = {1: "one seed", 2: "two seeds"}.get(len(self.seeds), f"{len(self.seeds)} seeds")
        return (
            f"On {seeds} that you have not seen, the accuracy on held-out rows is {about}{before} "
            f"without and {after} with your change{also}."
        )

    def _other_settings_heal(self, evidence: Evidence[R]) -> str | None:
        """A setting that is to blame is one of which another value heals."""
        best = max(run.accuracy for _, run in evidence.others)
        if best >= self.enough:
            return None
        tried = ", ".join(_setting(settings) for settings, _ in evidence.others)
        measured = self.causes[evidence.letter].measured(evidence.untouched[0])
        return (
            f"You answered {evidence.letter}. Then another value would heal it. Tried on seed "
            f"{self.seeds[0]}: {tried}; the best accuracy is {best:.2f}, while {measured}. "
            f"So it is not {evidence.letter}."
        )


def ruled_out(letter: str, cause: Cause[R], seeds: Sequence[int], runs: Sequence[R]) -> str | None:
    """A sentence where a run does not show the cause that the letter stands for.

    Args:
        letter: What was answered.
        cause: What it stands for.
        seeds: The seed of each run.
        runs: The script as it stands.
    """
    for seed, run in zip(seeds, runs, strict=True):
        if not cause.holds(run):
            return (
                f"You answered {letter}. Measured on seed {seed}: {cause.measured(run)}. "
                f"So it is not {letter}."
            )
    return None


def too_few_or_many(letter: str, changes: Settings, *, expected: int) -> str | None:
    """A sentence where a change has more keywords, or fewer, than the cause calls for.

    >>> too_few_or_many("A", {"lr": 0.1, "epochs": 9}, expected=1)
    'Your change alters lr, epochs: 2 keywords; expected 1.'
    """
    if len(changes) == expected:
        return None
    if not changes:
        return (
            f"You answered {letter}, and your change alters nothing: no keyword is other than in "
            "the script; expected one that acts on the cause."
        )
    return f"Your change alters {', '.join(changes)}: {len(changes)} keywords; expected {expected}."


def _setting(settings: Mapping[str, float]) -> str:
    """Settings that were tried, three digits each."""
    return ", ".join(f"{name}={value:.3g}" for name, value in settings.items())
