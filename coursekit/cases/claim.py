"""What a case promises: the forms of a claim. `coursekit.evidence.judge` holds runs against one."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A score separates broken from fixed, on every seed.

    Attributes:
        score: A key of what evaluate returns.
        better: Which direction is good.
        broken_bound: No broken run may be better than this.
        fixed_bound: No fixed run may be worse than this.
        margin: The worst fixed run must beat the best broken one by this much; of a score that
            spans powers of ten, see ``ratio``.
        ratio: True where margin is a factor (best broken ÷ worst fixed of a loss, at least 2)
            and not a difference; only for a positive score of which lower is better.
        reason: Why a margin is smaller than the design asks for (.2 of accuracy, .3 of R²,
            a factor of 2); "" where it is not.
    """

    score: str
    better: Literal["higher", "lower"]
    broken_bound: float
    fixed_bound: float
    margin: float
    ratio: bool = False
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class NoDifference:
    """Broken and fixed come out the same, on every seed: what a myth promised does not come.

    Also the claim of a twin in which Keras repairs the failure by itself.

    Attributes:
        score: A key of what evaluate returns.
        better: Which direction is good.
        bound: No run, broken or fixed, may be worse than this.
        tolerance: The largest difference between the two runs of a seed.
    """

    score: str
    better: Literal["higher", "lower"]
    bound: float
    tolerance: float


@dataclass(frozen=True, kw_only=True)
class Raises:
    """Every broken run ends in an error of this type, and no fixed run in any.

    Attributes:
        error: Name of the type: ``"RuntimeError"``.
        words: A part of the message that a learner would search for.
    """

    error: str
    words: str


AnyClaim = Claim | NoDifference | Raises
