"""A statement of a document, and the measurement that says whether it is true."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from coursekit.cases.sources import Source
from coursekit.errors import BadInputError

Numbers = Mapping[str, float]
Verdict = Literal["holds", "depends", "false"]

SURE = 0.9  # the share of seeds on which a condition must come out the same way


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a document says, and how to find out.

    Attributes:
        name: Short name on the command line: ``"step-lr-improves"``.
        source: Which document, and where in it.
        says: The statement in our own words.
        measure: One seed to the numbers that decide.
        tests: Condition to "does the statement come true under it?", for the numbers of one seed.
        verdict: What the course teaches; a test computes it anew.
        finding: What is true instead, or under which conditions it is; no numbers.
    """

    name: str
    source: Source
    says: str
    measure: Callable[[int], dict[str, float]]
    tests: Mapping[str, Callable[[Numbers], bool]]
    verdict: Verdict
    finding: str

    def over(self, seeds: Iterable[int]) -> list[dict[str, float]]:
        """The numbers of each seed."""
        return [self.measure(seed) for seed in seeds]

    def shares(self, measured: Sequence[Numbers]) -> dict[str, float]:
        """Condition to the share of seeds on which the statement comes true under it.

        Raises:
            BadInputError: Nothing was measured.
        """
        if not measured:
            raise BadInputError(f"No seed of {self.name!r} was measured. Give at least one.")
        return {
            condition: sum(is_true(numbers) for numbers in measured) / len(measured)
            for condition, is_true in self.tests.items()
        }

    def judge(self, measured: Sequence[Numbers]) -> Verdict:
        """The verdict on these numbers.

        ``holds`` where the statement comes true under every condition, on nine seeds of ten;
        ``false`` where it does under none, on as many; ``depends`` otherwise.
        """
        shares = self.shares(measured).values()
        if all(share >= SURE for share in shares):
            return "holds"
        if all(share <= 1 - SURE for share in shares):
            return "false"
        return "depends"
