"""Judge rows: did the claim hold on every seed, and what did each wrong fix close of the gap?"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from coursekit.cases.case import Claim
from coursekit.errors import BadInputError
from coursekit.evidence.rows import Row


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Whether a claim held.

    Attributes:
        held: True where every bound and the margin hold, on every seed.
        seeds: How many seeds have both a broken and a fixed run.
        best_broken: The best broken score of all seeds.
        worst_fixed: The worst fixed score of all seeds.
        margin: How far the worst fixed run is ahead of the best broken one.
        failures: One sentence for each seed or bound that failed.
    """

    held: bool
    seeds: int
    best_broken: float
    worst_fixed: float
    margin: float
    failures: tuple[str, ...]


def judge(claim: Claim, rows: Iterable[Row]) -> Judgement:
    """Hold a claim against rows of one framework.

    A score that is not finite counts as the worst there is.

    Raises:
        BadInputError: No seed has both a broken and a fixed run.
    """
    rows = list(rows)
    sign = 1.0 if claim.better == "higher" else -1.0
    goods = {
        recipe: {row.seed: _goodness(row, claim, sign) for row in rows if row.recipe == recipe}
        for recipe in ("broken", "fixed")
    }
    seeds = sorted(goods["broken"].keys() & goods["fixed"].keys())
    if not seeds:
        raise BadInputError("No seed has both a broken and a fixed run. Run more seeds.")
    best_broken = max(goods["broken"][seed] for seed in seeds)
    worst_fixed = min(goods["fixed"][seed] for seed in seeds)
    failures = list(_failures(claim, goods, seeds, sign))
    if not worst_fixed - best_broken >= claim.margin:
        failures.append(
            f"the margin is {worst_fixed - best_broken:.3f}, the claim needs {claim.margin}"
        )
    return Judgement(
        held=not failures, seeds=len(seeds), best_broken=sign * best_broken,
        worst_fixed=sign * worst_fixed, margin=worst_fixed - best_broken, failures=tuple(failures),
    )  # fmt: skip


def share_of_gap(claim: Claim, rows: Iterable[Row], rival: str) -> float:
    """How much of the gap between broken and fixed a rival closes.

    The median over paired seeds of (rival − broken) / (fixed − broken): 0 is no better than
    broken, 1 is as good as fixed. Seeds without a gap are left out; NaN if no seed has one.

    Raises:
        BadInputError: The rows hold no run of the rival.
    """
    sign = 1.0 if claim.better == "higher" else -1.0
    goods = {(row.recipe, row.seed): _goodness(row, claim, sign) for row in rows}
    seeds = [seed for recipe, seed in goods if recipe == rival]
    if not seeds:
        raise BadInputError(f"No run of {rival!r} in these rows. Verify it first.")
    gaps = {seed: goods["fixed", seed] - goods["broken", seed] for seed in seeds}
    shares = [
        (goods[rival, seed] - goods["broken", seed]) / gap
        for seed, gap in gaps.items()
        if gap and math.isfinite(gap)
    ]
    return median(shares) if shares else math.nan


def _goodness(row: Row, claim: Claim, sign: float) -> float:
    """The score, turned so that higher is better."""
    value = row.scores[claim.score]
    return sign * value if math.isfinite(value) else -math.inf


def _failures(
    claim: Claim, goods: dict[str, dict[int, float]], seeds: Sequence[int], sign: float
) -> Iterator[str]:
    """A sentence for each seed on which a bound fails."""
    for seed in seeds:
        broken, fixed = goods["broken"][seed], goods["fixed"][seed]
        if broken > sign * claim.broken_bound:
            yield f"seed {seed}: broken reached {sign * broken:.3f}"
        if fixed < sign * claim.fixed_bound:
            yield f"seed {seed}: fixed reached only {sign * fixed:.3f}"
