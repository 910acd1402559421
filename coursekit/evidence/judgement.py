"""Judge rows: did the claim hold on every seed, and what did each wrong fix close of the gap?"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from coursekit.cases.claim import AnyClaim, Claim, NoDifference, Raises
from coursekit.errors import BadInputError
from coursekit.evidence.rows import Row

Runs = Mapping[int, Row]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Whether a claim held.

    Attributes:
        held: True where every bound and the margin hold, on every seed.
        seeds: How many seeds have both a broken and a fixed run.
        best_broken: The best broken score of all seeds; NaN where the claim has no score.
        worst_fixed: The worst fixed score of all seeds; NaN where the claim has no score.
        margin: How far the worst fixed run is ahead of the best broken one (a factor where the
            claim says so); of `NoDifference`, the largest difference between the runs of a seed.
        failures: One sentence for each seed or bound that failed.
    """

    held: bool
    seeds: int
    best_broken: float
    worst_fixed: float
    margin: float
    failures: tuple[str, ...]


def judge(claim: AnyClaim, rows: Iterable[Row]) -> Judgement:
    """Hold a claim against rows of one framework.

    A score that is not finite counts as the worst there is.

    Raises:
        BadInputError: No seed has both a broken and a fixed run.
    """
    rows = list(rows)
    runs = {
        recipe: {row.seed: row for row in rows if row.recipe == recipe}
        for recipe in ("broken", "fixed")
    }
    seeds = sorted(runs["broken"].keys() & runs["fixed"].keys())
    if not seeds:
        raise BadInputError("No seed has both a broken and a fixed run. Run more seeds.")
    broken, fixed = ([runs[name][seed] for seed in seeds] for name in ("broken", "fixed"))
    match claim:
        case Claim():
            return _separation(claim, broken, fixed)
        case NoDifference():
            return _no_difference(claim, broken, fixed)
        case Raises():
            return _raising(claim, broken, fixed)


def _separation(claim: Claim, broken: Sequence[Row], fixed: Sequence[Row]) -> Judgement:
    """Bounds on every seed, and the worst fixed run against the best broken one."""
    sign = _sign(claim)
    ended = _errors(broken, fixed)
    best = max(_goodness(row, claim) for row in broken)
    worst = min(_goodness(row, claim) for row in fixed)
    margin = _ratio(-best, -worst) if claim.ratio else worst - best
    failures = [*ended, *_out_of_bounds(claim, broken, fixed)]
    if not margin >= claim.margin:
        failures.append(f"the margin is {margin:.3f}, the claim needs {claim.margin}")
    return Judgement(
        held=not failures, seeds=len(broken), best_broken=sign * best, worst_fixed=sign * worst,
        margin=margin, failures=tuple(failures),
    )  # fmt: skip


def _no_difference(claim: NoDifference, broken: Sequence[Row], fixed: Sequence[Row]) -> Judgement:
    """Both runs of every seed are good, and alike."""
    sign = _sign(claim)
    failures = _errors(broken, fixed)
    apart = []
    for one, other in zip(broken, fixed, strict=True):
        scores = [_goodness(row, claim) for row in (one, other)]
        apart.append(abs(scores[0] - scores[1]) if all(map(math.isfinite, scores)) else math.inf)
        for row, score in zip((one, other), scores, strict=True):
            if score < sign * claim.bound:
                failures.append(f"seed {row.seed}: {row.recipe} reached only {sign * score:.3f}")
        if apart[-1] > claim.tolerance:
            failures.append(f"seed {one.seed}: broken and fixed are {apart[-1]:.3f} apart")
    return Judgement(
        held=not failures, seeds=len(broken), margin=max(apart), failures=tuple(failures),
        best_broken=sign * max(_goodness(row, claim) for row in broken),
        worst_fixed=sign * min(_goodness(row, claim) for row in fixed),
    )  # fmt: skip


def _errors(*runs: Sequence[Row]) -> list[str]:
    """A sentence for each run that ended in an error, where the claim is about a score."""
    return [
        f"seed {row.seed}: {row.recipe} ended in {row.error}"
        for rows in runs
        for row in rows
        if row.error
    ]


def _raising(claim: Raises, broken: Sequence[Row], fixed: Sequence[Row]) -> Judgement:
    """Every broken run ended in the error, and no fixed one in any."""
    failures = [
        f"seed {row.seed}: broken ended in {row.error or 'no error'}"
        for row in broken
        if not (row.error.startswith(f"{claim.error}:") and claim.words in row.error)
    ]
    failures += [f"seed {row.seed}: fixed ended in {row.error}" for row in fixed if row.error]
    return Judgement(
        held=not failures, seeds=len(broken), best_broken=math.nan, worst_fixed=math.nan,
        margin=math.nan, failures=tuple(failures),
    )  # fmt: skip


def share_of_gap(
    claim: AnyClaim, rows: Iterable[Row], recipe: str, *, target: str = "fixed"
) -> float:
    """How much of the gap between broken and fixed a recipe closes.

    The median over paired seeds of (recipe − broken) / (target − broken): 0 is no better than
    broken, 1 is as good as fixed; of a claim by ratio, of the scores' logarithms. A score that
    is not finite closes nothing. Where the broken score is not, a run closes the whole gap by
    keeping the bound of fixed, and none of it otherwise. Seeds without a gap are left out; NaN
    if no seed has one, or the claim has no score.

    Args:
        claim: Says which score.
        rows: Runs of one framework and number of threads.
        recipe: ``"fixed"``, ``"healthy"`` or the name of a rival.
        target: The other end of the gap: ``"fixed"`` or ``"healthy"``.

    Raises:
        BadInputError: The rows hold no run of the recipe.
    """
    runs = {(row.recipe, row.seed): row for row in rows}
    seeds = [seed for name, seed in runs if name == recipe]
    if not seeds:
        raise BadInputError(f"No run of {recipe!r} in these rows. Verify it first.")
    if isinstance(claim, Raises):
        return math.nan
    shares = []
    for seed in seeds:
        trio = [runs.get((name, seed)) for name in ("broken", recipe, target)]
        if None not in trio:
            low, middle, high = (_scaled(row, claim) for row in trio if row is not None)
            shares.append(_share(low, middle, high, enough=_enough(claim)))
    known = [share for share in shares if not math.isnan(share)]
    return median(known) if known else math.nan


def _share(broken: float, middle: float, target: float, *, enough: float) -> float:
    """The share of one seed; NaN without a gap."""
    if not math.isfinite(target) or target == broken:
        return math.nan
    if not math.isfinite(broken):
        return 1.0 if middle >= enough else 0.0
    return (middle - broken) / (target - broken) if math.isfinite(middle) else 0.0


def _scaled(row: Row, claim: Claim | NoDifference) -> float:
    """The score turned so that higher is better, and its logarithm where a ratio is claimed."""
    return _in_logarithms(_goodness(row, claim), claim)


def _enough(claim: Claim | NoDifference) -> float:
    """The bound of fixed on the scale of `_scaled`."""
    bound = claim.fixed_bound if isinstance(claim, Claim) else claim.bound
    return _in_logarithms(_sign(claim) * bound, claim)


def _in_logarithms(goodness: float, claim: Claim | NoDifference) -> float:
    """The logarithm where a ratio is claimed."""
    if isinstance(claim, Claim) and claim.ratio and math.isfinite(goodness):
        return -math.log(-goodness) if goodness < 0 else math.inf
    return goodness


def _ratio(broken: float, fixed: float) -> float:
    """How many times larger the broken score is; both are positive, or infinite."""
    return broken / fixed if fixed > 0 and math.isfinite(fixed) else math.nan


def _sign(claim: Claim | NoDifference) -> float:
    """What turns a score so that higher is better."""
    return 1.0 if claim.better == "higher" else -1.0


def _goodness(row: Row, claim: Claim | NoDifference) -> float:
    """The score, turned so that higher is better; the worst there is after an error."""
    if claim.score not in row.scores and not row.error:
        raise BadInputError(
            f"Case {row.case!r}: {row.recipe!r} gave no score {claim.score!r}. "
            f"Its evaluate returns: {', '.join(row.scores)}."
        )
    value = row.scores.get(claim.score, math.nan)
    return _sign(claim) * value if math.isfinite(value) else -math.inf


def _out_of_bounds(claim: Claim, broken: Sequence[Row], fixed: Sequence[Row]) -> Iterator[str]:
    """A sentence for each seed on which a bound fails."""
    sign = _sign(claim)
    for one, other in zip(broken, fixed, strict=True):
        lost, won = _goodness(one, claim), _goodness(other, claim)
        if lost > sign * claim.broken_bound:
            yield f"seed {one.seed}: broken reached {sign * lost:.3f}"
        if won < sign * claim.fixed_bound:
            yield f"seed {one.seed}: fixed reached only {sign * won:.3f}"
