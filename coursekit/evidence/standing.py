"""Where a case stands in one framework: its verdict, and what each wrong fix closes of the gap."""

from collections.abc import Iterable
from dataclasses import dataclass

from coursekit.cases.case import Case
from coursekit.cases.claim import Raises
from coursekit.evidence.judgement import Judgement, judge, share_of_gap
from coursekit.evidence.rows import Framework, Row, load
from coursekit.evidence.runs import claim_in

HIDES = 0.5  # a wrong fix that closes more of the gap than this needs a reason


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
    """

    case: str
    framework: Framework
    threads: int
    judgement: Judgement
    shares: dict[str, float]
    hiding: dict[str, str]
    repaired: float | None


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
    return Standing(
        case=case.name, framework=framework, threads=threads, judgement=judge(claim, whole),
        shares=shares,
        hiding={name: reasons[name] for name, share in shares.items() if share > HIDES},
        repaired=(
            share_of_gap(claim, whole, "fixed", target="healthy")
            if "healthy" in run and scored else None
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


def _whole_seeds(rows: list[Row]) -> list[Row]:
    """The rows of seeds that have both a broken and a fixed run."""
    seeds = {name: {row.seed for row in rows if row.recipe == name} for name in ("broken", "fixed")}
    both = seeds["broken"] & seeds["fixed"]
    return [row for row in rows if row.seed in both]
