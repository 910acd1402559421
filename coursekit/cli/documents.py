"""``coursekit documents``: what the four documents say, and whether it is true."""

import json
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from coursekit.cli.entry import INTERRUPTED
from coursekit.documents import STATEMENTS, Statement, get_statement

Measured = dict[str, list[dict[str, float]]]


def documents(name: str | None, seeds: Sequence[int], *, measure: bool, as_json: bool) -> int:
    """List statements, or measure them; exit 1 where a verdict is not what the course teaches."""
    chosen = STATEMENTS if name is None else (get_statement(name),)
    measured: Measured = {}
    interrupted = False
    if measure:
        interrupted = _measure(chosen, seeds, measured)
        chosen = tuple(statement for statement in chosen if statement.name in measured)
    facts = [_describe(statement, measured.get(statement.name, [])) for statement in chosen]
    print(json.dumps(facts, indent=2) if as_json else "\n\n".join(map(_as_text, facts)))
    if interrupted:
        print(f"Stopped after {len(measured)} statements.", file=sys.stderr)
        return INTERRUPTED
    return 0 if all(fact["measured"] in (None, fact["verdict"]) for fact in facts) else 1


def _measure(chosen: Sequence[Statement], seeds: Sequence[int], into: Measured) -> bool:
    """Measure one statement after another; True where Ctrl-C ended it."""
    with tqdm(total=len(chosen), unit="statement", disable=None, leave=False) as bar:
        try:
            for statement in chosen:
                into[statement.name] = statement.over(seeds)
                bar.update()
        except KeyboardInterrupt:
            return True
    return False


def _describe(statement: Statement, measured: list[dict[str, float]]) -> dict[str, Any]:
    """A statement as plain data, with what was measured of it."""
    return {
        "name": statement.name,
        "document": statement.source.title,
        "section": statement.source.section,
        "says": statement.says,
        "verdict": statement.verdict,
        "finding": statement.finding,
        "measured": statement.judge(measured) if measured else None,
        "true_on": statement.shares(measured) if measured else {},
        "seeds": len(measured),
    }


def _as_text(fact: dict[str, Any]) -> str:
    """A statement as lines to read."""
    lines = [
        f"{fact['name']}: {fact['verdict']}",
        *_wrapped(f"{fact['document']} {fact['section']}."),
        *_wrapped(f"It says: {fact['says']}"),
        *_wrapped(f"Found: {fact['finding']}"),
    ]
    if fact["measured"]:
        shares = "; ".join(
            f"{share:.0%} {condition}" for condition, share in fact["true_on"].items()
        )
        agrees = "" if fact["measured"] == fact["verdict"] else "  NOT WHAT THE COURSE TEACHES"
        lines += _wrapped(
            f"Measured on {fact['seeds']} seeds: {fact['measured']}; it comes true on {shares}."
            + agrees
        )
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    """Indented lines of a width that a terminal has."""
    return textwrap.wrap(text, 96, initial_indent="  ", subsequent_indent="  ")
