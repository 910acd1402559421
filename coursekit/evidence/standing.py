"""Where a case stands in one framework: its verdict, and what each wrong fix closes of the gap."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coursekit.cases.case import Case
from coursekit.cases.claim import Raises
from coursekit.evidence.judgement import Judgement, judge, share_of_gap
from coursekit.evidence.rows import Framework, Row, load
from coursekit.evidence.runs import claim_in

HIDES = 0.5  # a wrong fix that closes more of the gap than this needs a reason
BETTER = 1.1  # a wrong fix that closes this much is better than the fix: then the fix is none
APART = 0.12  # the estimate of a fixed run may be so far from the truth, where a case misjudges
FEW = 3  # seeds; the median of fewer says nothing about a share
MANY = 20  # seeds; with fewer, the fix's own share may be so much below what the case says
SLACK = 0.1


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The verdict on a case, and its wrong fixes.

    Attributes:
        case: Name of the case.
        framework: In which of its two forms.
        threads: Threads that the runs were made with.
        judgement: Whether the claim held.
        shares: Wrong fix to the share of the gap that it closes; empty where none was run.
        hiding: The wrong fixes that close more than half: name to the reason.
        repaired: The share of the gap from broken to healthy that fixed closes; None where
            the healthy recipe was not run, or the claim has no score.
        breaches: A sentence for each rule of a case that these runs break, whatever the claim
            says: a wrong fix better than the fix, a fix that closes too little, an estimate of
            the fixed run that lies. Shares are judged from three seeds on.
    """

    case: str
    framework: Framework
    threads: int
    judgement: Judgement
    shares: dict[str, float]
    hiding: dict[str, str]
    repaired: float | None
    breaches: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the claim held, and no rule is broken."""
        return self.judgement.held and not self.breaches


def standing(
    case: Case, rows: Iterable[Row], *, framework: Framework, threads: int
) -> Standing | None:
    """Judge the rows of one framework and number of threads; None without a whole seed."""
    mine = [
        row for row in rows
        if (row.case, row.framework, row.threads) == (case.name, framework, threads)
    ]  # fmt: skip
    whole = _whole_seeds(mine)
    if not whole:
        return None
    claim = claim_in(case, framework)
    run = {row.recipe for row in whole}
    scored = not isinstance(claim, Raises)
    shares = {
        rival.name: share_of_gap(claim, whole, rival.name)
        for rival in case.rivals
        if rival.name in run and scored
    }
    reasons = {rival.name: rival.why for rival in case.rivals}
    repaired = (
        share_of_gap(claim, whole, "fixed", target="healthy")
        if "healthy" in run and scored
        else None
    )
    return Standing(
        case=case.name, framework=framework, threads=threads, judgement=judge(claim, whole),
        shares=shares,
        hiding={name: reasons[name] for name, share in shares.items() if share > HIDES},
        repaired=repaired,
        breaches=(
            *_shares_out_of_place(case, shares, repaired, seeds=len({row.seed for row in whole})),
            *(_lying_estimates(whole) if case.kind == "misjudges" and framework == "torch" else ()),
        ),
    )  # fmt: skip


def stored_shares(
    case: Case, *, framework: Framework = "torch", threads: int = 1
) -> dict[str, float]:
    """What each wrong fix closes of the gap on the committed seeds: its name to the share.

    >>> from coursekit.cases import get_case
    >>> stored_shares(get_case("unscaled-features"))["more epochs"] < 0.5
    True
    """
    found = standing(case, load(case.name), framework=framework, threads=threads)
    return {} if found is None else found.shares


def _shares_out_of_place(
    case: Case, shares: dict[str, float], repaired: float | None, *, seeds: int
) -> Iterator[str]:
    """A sentence for a wrong fix that is better than the fix, and for a fix that closes too little.

    Of a myth, neither broken nor fixed is the better one, so there is no gap to healthy.
    """
    if seeds < FEW:
        return
    for name, share in shares.items():
        if share >= BETTER:
            yield f"wrong fix {name!r} closes {share:.0%} of the gap: it is better than the fix"
    least = case.closes - (SLACK if seeds < MANY else 0.0)
    if repaired is not None and case.kind != "myth" and not repaired >= least:
        yield (
            f"the fix closes {repaired:.0%} of the gap to healthy; on {seeds} seeds it must close "
            f"{least:.0%} (the case says {case.closes:.0%})"
        )


def _lying_estimates(rows: Iterable[Row]) -> Iterator[str]:
    """A sentence for each fixed run whose estimate is none of the truth."""
    for row in rows:
        if row.recipe != "fixed" or row.error:
            continue
        if not {"estimate", "truth"} <= row.scores.keys():
            yield "evaluate of a case that misjudges must return 'estimate' and 'truth'"
            return
        apart = abs(row.scores["estimate"] - row.scores["truth"])
        if not apart <= APART:
            yield f"seed {row.seed}: the fixed run's estimate is {apart:.2f} off, at most {APART}"


def _whole_seeds(rows: list[Row]) -> list[Row]:
    """The rows of seeds that have both a broken and a fixed run."""
    seeds = {name: {row.seed for row in rows if row.recipe == name} for name in ("broken", "fixed")}
    both = seeds["broken"] & seeds["fixed"]
    return [row for row in rows if row.seed in both]
