"""The map as text for a terminal, as markdown for a notebook, and as one page to print."""

import html
import re
import textwrap
from collections.abc import Collection

from coursekit.cases import get_case
from coursekit.symptoms.table import FOR_KERAS, SYMPTOMS, Lead, Symptom

WIDTH = 96

_STYLE = """
@page { size: A4 landscape; margin: 8mm }
body { font: 8pt/1.16 system-ui, "DejaVu Sans", sans-serif; color: #000; margin: 0 }
h1 { font-size: 13pt; margin: 0 0 1mm } p.how { margin: 0 0 2.5mm }
main { columns: 3; column-gap: 6mm }
section { break-inside: avoid; border-top: 1.2pt solid #000; padding: .4mm 0 1.1mm }
h2 { font-size: 8.4pt; margin: 0 } p { margin: .3mm 0 } ul { margin: .3mm 0; padding-left: 3.4mm }
li b { white-space: nowrap } code { font-size: 7pt }
"""


def text() -> str:
    """The map as lines for a terminal: each lead with its lessons and its cases."""
    parts = ["\n".join(_lines(symptom)) for symptom in SYMPTOMS]
    return "\n\n".join([*parts, "\n".join(_wrapped(_plain(FOR_KERAS), ""))])


def _lines(symptom: Symptom) -> list[str]:
    """One symptom, its first look and its leads."""
    lines = [symptom.words, *_wrapped(f"look at {_plain(symptom.look)}", "  ")]
    for lead in symptom.leads:
        lines += _wrapped(
            f"- {_plain(lead.shows)}: {_numbers(lead)} ({', '.join(lead.cases)})", "    "
        )
    return lines


def _wrapped(line: str, indent: str) -> list[str]:
    """Indented lines of a width that a terminal has."""
    return textwrap.wrap(
        line, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )


def _plain(words: str) -> str:
    """Without the marks of code."""
    return words.replace("`", "")


def _numbers(lead: Lead) -> str:
    """``lesson 03`` or ``lessons 03, 13``."""
    numbers = [lesson[:2] for lesson in lead.lessons]
    return f"lesson{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def markdown(written: Collection[str], symptoms: Collection[Symptom] = SYMPTOMS) -> str:
    """The map as folded paragraphs for a notebook that lies beside the lessons.

    Args:
        written: The notebooks that are there, without an ending; these are linked.
        symptoms: What to show.
    """
    return "\n".join([*(_folded(symptom, written) for symptom in symptoms), "", FOR_KERAS])


def _folded(symptom: Symptom, written: Collection[str]) -> str:
    """One symptom, opened by a click."""
    leads = "\n".join(f"- {lead.shows}: {_links(lead, written)}" for lead in symptom.leads)
    return (
        f"<details><summary>{symptom.words}</summary>\n\n"
        f"Look at {symptom.look}.\n\n{leads}\n\n</details>"
    )


def _links(lead: Lead, written: Collection[str]) -> str:
    """The lessons of a lead, linked where they are written; otherwise the command for its cases."""
    links = [f"[{name[:2]}]({name}.ipynb)" for name in lead.lessons if name in written]
    parts = [f"lesson {', '.join(links)}"] if links else []
    missing = [name for name in lead.cases if get_case(name).lesson not in written]
    return "; ".join([*parts, *(f"`coursekit cases {name}`" for name in missing)])


def card() -> str:
    """The map as one HTML page that prints on one sheet of A4."""
    sections = "\n".join(_section(symptom) for symptom in SYMPTOMS)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Why won't it train? Symptoms</title><style>{_STYLE}</style></head><body>\n"
        "<h1>Why won't it train?</h1>\n"
        '<p class="how">Find the symptom, make the measurement, read on in the lesson. '
        "<i>K</i> is the number of classes; names in another type are quantities that "
        f"<code>coursekit.record</code> measures. {_coded(FOR_KERAS)}</p>\n"
        f"<main>\n{sections}\n</main></body></html>\n"
    )


def _section(symptom: Symptom) -> str:
    """One symptom of the page."""
    leads = "".join(
        f"<li>{_coded(lead.shows)} <b>→ {', '.join(name[:2] for name in lead.lessons)}</b></li>"
        for lead in symptom.leads
    )
    return (
        f"<section><h2>{html.escape(symptom.words)}</h2>"
        f"<p>Look at {_coded(symptom.look)}.</p><ul>{leads}</ul></section>"
    )


def _coded(words: str) -> str:
    """HTML, with code in its own type."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(words))
