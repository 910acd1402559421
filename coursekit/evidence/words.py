"""A claim, and the evidence for it, as sentences."""

from collections.abc import Iterable

from coursekit.cases.case import Case
from coursekit.cases.claim import AnyClaim, NoDifference, Raises
from coursekit.evidence.rows import Framework, Row
from coursekit.evidence.standing import Standing, standing


def claim_in_words(claim: AnyClaim) -> str:
    """A claim as a sentence."""
    if isinstance(claim, Raises):
        return f"every broken run ends in {claim.error} ({claim.words!r}), no fixed run in any."
    relation = "at least" if claim.better == "higher" else "at most"
    if isinstance(claim, NoDifference):
        return (
            f"{claim.score} of every run is {relation} {claim.bound}, and the two runs of a seed "
            f"are at most {claim.tolerance} apart."
        )
    gap = f"a factor of {claim.margin}" if claim.ratio else f"{claim.margin}"
    reason = f" {claim.reason}" if claim.reason else ""
    return (
        f"{claim.score} of every fixed run is {relation} {claim.fixed_bound}, no broken run "
        f"is better than {claim.broken_bound}, and the gap is at least {gap}.{reason}"
    )


def evidence_in_words(case: Case, rows: Iterable[Row], framework: Framework) -> str:
    """The committed evidence of one framework, in a sentence a number of threads."""
    rows = list(rows)
    threads = sorted({row.threads for row in rows if row.framework == framework})
    found = [standing(case, rows, framework=framework, threads=count) for count in threads]
    sentences = [_sentence(one) for one in found if one is not None]
    if not sentences:
        one, two = how_to_store(case.name)
        return f"none is stored; make it with: {one}; then, with the machine to itself: {two}"
    return "; ".join(sentences)


def how_to_store(case: str) -> tuple[str, str]:
    """The commands that make the evidence to be committed: on one thread, and on two.

    >>> how_to_store("one-nan")[1]
    'coursekit verify --case one-nan --seeds 20 --save evidence --pair-only --threads 2'
    """
    command = f"coursekit verify --case {case} --seeds 20 --save evidence"
    return command, f"{command} --pair-only --threads 2"


def _sentence(found: Standing) -> str:
    """A verdict with its two numbers that matter."""
    judged = found.judgement
    scores = ""
    if judged.best_broken == judged.best_broken:
        scores = f", best broken {judged.best_broken:.4g}, worst fixed {judged.worst_fixed:.4g}"
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    return f"{'held' if found.held else 'FAILED'} on {judged.seeds} seeds ({threads}){scores}"
