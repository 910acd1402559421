"""``coursekit cases``: the catalogue, or one case with its diff, claim and evidence, or script."""

import json
from dataclasses import asdict
from typing import Any, Literal, get_args

from coursekit.cases import CASES, get_case
from coursekit.cases.case import Case, Recipe
from coursekit.cases.script import diff, flat_script
from coursekit.errors import BadInputError
from coursekit.evidence import Framework, frameworks, load, standing
from coursekit.evidence.words import claim_in_words, evidence_in_words

Which = Literal["broken", "fixed"]


def cases(
    name: str | None, *, as_json: bool, script: Which | None = None, framework: Framework = "torch"
) -> int:
    """List all cases, or show one, or print one of its programs and nothing else."""
    chosen = CASES if name is None else (get_case(name),)
    if script is not None:
        if name is None or as_json:
            raise BadInputError(
                "--script prints one program: coursekit cases unscaled-features --script broken"
            )
        recipe = _recipe(chosen[0], script, framework)
        print(f"{flat_script(recipe)}print(scores)")
    elif as_json:
        facts = [describe(case) for case in chosen]
        print(json.dumps(facts if name is None else facts[0], indent=2))
    elif name is None:
        _print_list(chosen)
    else:
        _print_case(chosen[0], framework)
    return 0


def _recipe(case: Case, which: Which, framework: Framework) -> Recipe:
    """The recipe of a case in a framework.

    Raises:
        BadInputError: There is none in Keras.
    """
    owner = case if framework == "torch" else case.keras
    recipe: Recipe | None = getattr(owner, which)
    if recipe is None:
        raise BadInputError(
            f"{case.name!r} has no {which} program in Keras ({case.keras.verdict}). "
            f"{case.keras.note}"
        )
    return recipe


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


def _print_case(case: Case, framework: Framework) -> None:
    """One case in full, its diff in one framework."""
    lines = diff(*(_recipe(case, which, framework) for which in get_args(Which)))
    print(f"{case.name} ({case.family}, {case.kind}), lesson {case.lesson}\n{case.question}\n")
    print(f"From broken to fixed:\n{lines}\n")
    print(f"Claim: {claim_in_words(case.claim)}")
    if case.keras.claim is not None:
        print(f"Claim in Keras: {claim_in_words(case.keras.claim)}")
    if case.finding:
        print(f"Finding: {case.finding}")
    rows = load(case.name)
    for one in frameworks(case):
        print(f"Evidence, {one}: {evidence_in_words(case, rows, one)}")
    print(f"Keras: {case.keras.verdict}. {case.keras.note}".rstrip())
    found = standing(case, rows, framework="torch", threads=1)
    where = "" if framework == "torch" else " in PyTorch"
    if found is not None and found.repaired is not None:
        closes = f"The fix closes {found.repaired:.0%} of the gap to healthy{where}."
        print(f"{closes} {case.mitigation}".rstrip())
    if case.rivals:
        print("\nWrong fixes:")
    for rival in case.rivals:
        share = found.shares.get(rival.name) if found is not None else None
        closes = "" if share is None else f" (closes {share:.0%} of the gap{where})"
        print(f"- {rival.name}{closes}: {rival.why}")
    print("\nDescribed in:")
    for source in case.sources:
        print(f"- {source.title} ({source.section})")
    asked = "" if framework == "torch" else f" --framework {framework}"
    print(f"\nIts program, to run or to change: coursekit cases {case.name} --script broken{asked}")
