"""The optional task: ``fresh_accuracy(draw, seed)`` asks whether there is anything to learn.

The answer is called with draws of different kinds. Some are traps: in them the rows of all seeds
but one differ from the training rows in a way that a right answer must notice.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from coursekit.checks.calling import call
from coursekit.checks.check import Check, Clause
from coursekit.checks.reading import as_fraction

SEEDS = (13, 14, 15, 16, 17, 18)
FEW = (13,)
FRESH_ROWS = 1000
LUCK = 0.04  # six runs of 1000 coin tosses stay within .02; training rows give .57
LEARNT = 0.9
LOSS = 0.1  # rows scaled by their own numbers lose .3
SCALE = 1000.0


@dataclass(kw_only=True)
class Draw:
    """Draws rows, and remembers what was asked for.

    Attributes:
        training_seed: The seed that the answer is told.
        coin: Whether labels are tossed rather than ruled by the first column.
        turned: Whether the rule is the opposite one for all seeds but the training seed.
        moved: How much higher the first column lies for them; the rule stays.
        asked: The (n, seed) of each call.
    """

    training_seed: int
    coin: bool = False
    turned: bool = False
    moved: float = 0.0
    asked: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, n: int, seed: int) -> tuple[Tensor, Tensor]:
        """Draw n rows.

        Returns:
            x of shape (n, 2), the second column in the thousands, and labels of shape (n,).
        """
        self.asked.append((int(n), int(seed)))
        other = int(seed) != self.training_seed
        source = torch.Generator().manual_seed(int(seed))
        x = torch.randn(int(n), 2, generator=source)
        labels = torch.randint(0, 2, (int(n),), generator=source)
        if other:
            x[:, 0] += self.moved
        if not self.coin:
            labels = (x[:, 0] > 0).long()
        if self.turned and other:
            labels = 1 - labels
        x[:, 1] *= SCALE
        return x, labels

    @property
    def fresh_rows(self) -> int:
        """How many rows were drawn with another seed than the training seed."""
        return sum(n for n, seed in self.asked if seed != self.training_seed)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One call of the answer: the accuracy that came back, and the rows drawn for it."""

    accuracy: float
    fresh_rows: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Trials on each kind of draw, one a seed."""

    coin: tuple[Trial, ...]
    ruled: tuple[Trial, ...]
    turned: tuple[Trial, ...]
    moved: tuple[Trial, ...]


def gather(fresh_accuracy: object) -> Evidence:
    """Call the answer with each kind of draw."""
    return Evidence(
        coin=tuple(_try(fresh_accuracy, Draw(training_seed=seed, coin=True)) for seed in SEEDS),
        ruled=tuple(_try(fresh_accuracy, Draw(training_seed=seed)) for seed in SEEDS[:2]),
        turned=tuple(_try(fresh_accuracy, Draw(training_seed=seed, turned=True)) for seed in FEW),
        moved=tuple(_try(fresh_accuracy, Draw(training_seed=seed, moved=1.0)) for seed in FEW),
    )


def coin_is_not_learnt(evidence: Evidence) -> str | None:
    """On tossed labels, the mean accuracy is that of guessing."""
    mean = float(np.mean([trial.accuracy for trial in evidence.coin]))
    if abs(mean - 0.5) <= LUCK:
        return None
    return (
        f"With labels tossed by a coin, your mean accuracy over {len(SEEDS)} seeds is {mean:.2f}; "
        f"expected 0.50, give or take {LUCK}."
    )


def rule_is_learnt(evidence: Evidence) -> str | None:
    """Where the label is the sign of the first column, a linear model learns it."""
    worst = min(trial.accuracy for trial in evidence.ruled)
    if worst > LEARNT:
        return None
    return (
        f"Where the label is the sign of the first column, your accuracy is {worst:.2f}; "
        f"expected more than {LEARNT}."
    )


def fresh_rows_are_judged(evidence: Evidence) -> str | None:
    """The accuracy is that of the rows of another seed."""
    highest = max(trial.accuracy for trial in evidence.turned)
    if highest < 0.5:
        return None
    return (
        "In one draw the training rows follow a rule, and the rows of any other seed the opposite "
        f"rule. Your accuracy there is {highest:.2f}; expected less than 0.5. It was not measured "
        "on fresh rows."
    )


def enough_rows(evidence: Evidence) -> str | None:
    """At least a thousand fresh rows."""
    fewest = min(trial.fresh_rows for trial in evidence.coin)
    if fewest >= FRESH_ROWS:
        return None
    return (
        f"Your function drew {fewest} rows with another seed than the training seed; expected at "
        f"least {FRESH_ROWS}."
    )


def same_numbers(evidence: Evidence) -> str | None:
    """Fresh rows are standardised by the mean and deviation of the training rows."""
    usual = min(trial.accuracy for trial in evidence.ruled)
    moved = min(trial.accuracy for trial in evidence.moved)
    if moved > usual - LOSS:
        return None
    return (
        "In one draw the fresh rows lie 1 higher in the first column, and the rule is the same. "
        f"Your accuracy falls from {usual:.2f} to {moved:.2f}."
    )


def verified(evidence: Evidence) -> str:
    """What a pass has shown."""
    coin = np.mean([trial.accuracy for trial in evidence.coin])
    ruled = np.mean([trial.accuracy for trial in evidence.ruled])
    return (
        f"The same model, standardised in the same way, on fresh rows: {coin:.2f} where a coin "
        f"tosses the labels, {ruled:.2f} where a rule sets them."
    )


check_fresh_accuracy = Check(
    task="The optional task",
    takes=("fresh_accuracy",),
    gather=gather,
    clauses=(
        Clause(
            name="coin",
            test=coin_is_not_learnt,
            hint="Nothing in x says anything about such a label. Are all fresh rows counted?",
        ),
        Clause(
            name="rule",
            test=rule_is_learnt,
            hint="Is x standardised, and does training go on until the loss stops falling?",
        ),
        Clause(
            name="enough",
            test=enough_rows,
            hint="Draw the fresh rows with another seed: draw(1000, seed + 1).",
        ),
        Clause(
            name="fresh",
            test=fresh_rows_are_judged,
            hint="Which rows do the predictions belong to, and which the labels?",
        ),
        Clause(
            name="same numbers",
            test=same_numbers,
            hint="Two numbers a column, from the training rows, serve both sets of rows.",
        ),
    ),
    verified=verified,
    hints=(
        "What would an accuracy on the training rows show here, and what would it not show?",
        "Print the accuracy on the 100 training rows and on 1000 rows of another seed, with "
        "random_labels and with labels that follow a rule.",
        "Train on draw(100, seed), keep that mean and standard deviation, and count the right "
        "predictions on draw(1000, seed + 1), standardised by the kept numbers.",
    ),
)


def _try(answer: object, draw: Draw) -> Trial:
    """One call of the answer."""
    arguments = {"draw": draw, "seed": draw.training_seed}
    outcome = call(answer, arguments, name="fresh_accuracy")
    return Trial(
        accuracy=as_fraction(outcome.result, source="fresh_accuracy"),
        fresh_rows=outcome.handed["draw"].fresh_rows,
    )
