"""``coursekit cases``: the catalogue, or one case with its diff, claim and evidence."""

import json
from dataclasses import asdict
from typing import Any

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case
from coursekit.cases.script import diff
from coursekit.evidence import frameworks, load, standing
from coursekit.evidence.words import claim_in_words, evidence_in_words


def cases(name: str | None, *, as_json: bool) -> int:
    """List all cases, or show one."""
    chosen = CASES if name is None else (get_case(name),)
    if as_json:
        facts = [describe(case) for case in chosen]
        print(json.dumps(facts if name is None else facts[0], indent=2))
    elif name is None:
        _print_list(chosen)
    else:
        _print_case(chosen[0])
    return 0


def describe(case: Case) -> dict[str, Any]:
    """A case as plain data."""
    return {
        "name": case.name,
        "family": case.family,
        "kind": case.kind,
        "question": case.question,
        "lesson": case.lesson,
        "frameworks": frameworks(case),
        "keras": case.keras.verdict,
        "claim": {"form": type(case.claim).__name__, **asdict(case.claim)},
        "finding": case.finding,
        "rivals": [{"name": rival.name, "why": rival.why} for rival in case.rivals],
        "sources": [asdict(source) for source in case.sources],
    }


def _print_list(chosen: tuple[Case, ...]) -> None:
    """A line a case."""
    width = max(len(case.name) for case in chosen)
    for family in dict.fromkeys(case.family for case in chosen):
        members = [case for case in chosen if case.family == family]
        print(f"\n{family} ({len(members)})")
        for case in members:
            print(f"  {case.name:<{width}}  {case.lesson[:2]}  {case.kind:<9}  {case.question}")
    print(f"\n{len(chosen)} cases. One in full: coursekit cases NAME")


def _print_case(case: Case) -> None:
    """One case in full."""
    print(f"{case.name} ({case.family}, {case.kind}), lesson {case.lesson}\n{case.question}\n")
    print(f"From broken to fixed:\n{diff(case.broken, case.fixed)}\n")
    print(f"Claim: {claim_in_words(case.claim)}")
    if case.finding:
        print(f"Finding: {case.finding}")
    rows = load(case.name)
    for framework in frameworks(case):
        print(f"Evidence, {framework}: {evidence_in_words(case, rows, framework)}")
    print(f"Keras: {case.keras.verdict}. {case.keras.note}")
    found = standing(case, rows, framework="torch", threads=1)
    if found is not None and found.repaired is not None:
        print(f"The fix closes {found.repaired:.0%} of the gap to healthy. {case.mitigation}")
    if case.rivals:
        print("\nWrong fixes:")
    for rival in case.rivals:
        share = found.shares.get(rival.name) if found is not None else None
        closes = "" if share is None else f" (closes {share:.0%} of the gap)"
        print(f"- {rival.name}{closes}: {rival.why}")
    print("\nDescribed in:")
    for source in case.sources:
        print(f"- {source.title} ({source.section})")
