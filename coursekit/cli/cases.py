"""``coursekit cases``: the catalogue, or one case with its diff, claim and evidence."""

import json
from dataclasses import asdict
from typing import Any

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case
from coursekit.cases.script import diff
from coursekit.evidence import Framework, judge, load


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


def frameworks(case: Case) -> list[Framework]:
    """The frameworks in which a case runs."""
    return ["torch", "keras"] if case.keras.broken is not None else ["torch"]


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
        "claim": asdict(case.claim),
        "rivals": [{"name": rival.name, "why": rival.why} for rival in case.rivals],
        "sources": [asdict(source) for source in case.sources],
    }


def _print_list(chosen: tuple[Case, ...]) -> None:
    """A line a case."""
    width = max(len(case.name) for case in chosen)
    for case in chosen:
        print(f"{case.name:<{width}}  {case.family:<13}  {case.lesson:<22}  {case.question}")


def _print_case(case: Case) -> None:
    """One case in full."""
    claim = case.claim
    relation = "at least" if claim.better == "higher" else "at most"
    print(f"{case.name} ({case.family}, {case.kind}), lesson {case.lesson}\n{case.question}\n")
    print(f"From broken to fixed:\n{diff(case.broken, case.fixed)}\n")
    print(
        f"Claim: {claim.score} of every fixed run is {relation} {claim.fixed_bound}, no broken run "
        f"is better than {claim.broken_bound}, and the gap is at least {claim.margin}."
    )
    rows = load(case.name)
    for framework in frameworks(case):
        mine = [row for row in rows if row.framework == framework]
        print(f"Evidence, {framework}: {_evidence(case, mine)}")
    print("\nWrong fixes:")
    for rival in case.rivals:
        print(f"- {rival.name}: {rival.why}")
    print("\nDescribed in:")
    for source in case.sources:
        print(f"- {source.title} ({source.section})")


def _evidence(case: Case, rows: list[Any]) -> str:
    """The committed evidence of one framework, in a sentence."""
    if not rows:
        return f"none is stored; make it with: coursekit verify --case {case.name}"
    found = judge(case.claim, rows)
    return (
        f"{'held' if found.held else 'FAILED'} on {found.seeds} seeds; best broken "
        f"{found.best_broken:.3f}, worst fixed {found.worst_fixed:.3f}"
    )
