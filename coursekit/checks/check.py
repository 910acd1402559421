"""Check: named clauses over what a learner's function did, and hints in three steps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from coursekit.checks.verdicts import CheckFailed, NotAnswered
from coursekit.checks.wording import kind_of
from coursekit.errors import BadInputError, wrapped

E = TypeVar("E")


@dataclass(frozen=True, kw_only=True)
class Clause(Generic[E]):
    """One thing that must hold.

    Attributes:
        name: What it is called, in a word or two.
        test: Takes the evidence; returns None where the clause holds, else what was seen, in
            whole sentences.
        hint: The first hint where it does not hold.
    """

    name: str
    test: Callable[[E], str | None]
    hint: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Check(Generic[E]):
    """The check of one task. Call it with the learner's function.

    Attributes:
        task: What the messages call the task: ``"Task 1"``.
        takes: The names of the functions that the check is called with; the first is the
            learner's answer.
        gather: Runs those functions and returns the evidence.
        clauses: What must hold, in the order in which it is said.
        verified: What a pass has shown, in one line.
        hints: A nudge, the measurement to look at, and nearly the answer.

    >>> check = Check(
    ...     task="Task 0", takes=("double",), gather=lambda double: double(21),
    ...     clauses=(Clause(name="value", test=lambda seen: None if seen == 42
    ...                     else f"double(21) gave {seen}.", hint="Twice, not squared."),),
    ...     verified=lambda seen: f"double(21) gave {seen}.",
    ...     hints=("What is double?", "Print double(21).", "Multiply by 2."),
    ... )
    >>> check(lambda number: 2 * number)
    Task 0 passed. double(21) gave 42.
    >>> check.hint(3)
    Multiply by 2.
    """

    task: str
    takes: tuple[str, ...]
    gather: Callable[..., E]
    clauses: tuple[Clause[E], ...]
    verified: Callable[[E], str]
    hints: tuple[str, str, str]

    @property
    def name(self) -> str:
        """The name that a notebook calls it by."""
        return f"check_{self.takes[0]}"

    def __call__(self, *functions: object) -> None:
        """Run the functions, and print what was verified.

        Raises:
            NotAnswered: The answer is still blank.
            CheckFailed: The answer does not pass, or raised an error of its own.
        """
        self._expect_functions(functions)
        try:
            evidence = self.gather(*functions)
        except NotAnswered:
            raise NotAnswered(
                f"{self.task} is still blank: write the body of {self.takes[0]}, "
                "then run both cells."
            ) from None
        except CheckFailed as failed:
            raise CheckFailed(f"{self.task}: {failed}\nHints: {self._steps}") from failed.__cause__
        for clause in self.clauses:
            seen = clause.test(evidence)
            if seen is not None:
                raise CheckFailed(
                    f"{self.task}: {seen}\nHint: {clause.hint}\nMore hints: {self._steps}"
                )
        print(wrapped(f"{self.task} passed. {self.verified(evidence)}"))

    def hint(self, step: int) -> None:
        """Print one hint: 1 is a nudge, 2 points to a measurement, 3 is nearly the answer.

        Raises:
            BadInputError: There is no such step.
        """
        if step not in range(1, len(self.hints) + 1):
            raise BadInputError(f"There is no hint {step!r}. Ask for {self.name}.hint(1), 2 or 3.")
        print(wrapped(self.hints[step - 1]))

    @property
    def _steps(self) -> str:
        """How the hints are asked for."""
        return f"{self.name}.hint(1), then 2 and 3"

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(self.takes)}): {self.task}"

    def _expect_functions(self, given: tuple[object, ...]) -> None:
        """A check takes functions, not what they return."""
        wrong = [kind_of(part) for part in given if not callable(part)]
        if wrong or len(given) != len(self.takes):
            came = f"What came: {wrong[0]}." if wrong else f"{len(given)} came."
            raise CheckFailed(
                f"{self.task}: the check takes {' and '.join(self.takes)} without brackets after "
                f"the name: {self.name}({', '.join(self.takes)}). {came}"
            )
