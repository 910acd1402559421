"""The page of symptoms: from what one sees to the lesson and the failure."""

from pathlib import Path

from coursekit.symptoms import FOR_KERAS, SYMPTOMS, Lead, Symptom
from pages.words import link

HOW = """\
# Symptoms

Find what you see, make the measurement, read on where it leads. Names in code are quantities
that `coursekit.record` measures around a training loop of yours, and `KerasRecorder` in
`model.fit`. On paper: `coursekit symptoms --card card.html` writes one sheet of A4."""


def write_symptoms(path: Path) -> None:
    """Write the page."""
    path.write_text(
        "\n\n".join([HOW, *map(_section, SYMPTOMS), FOR_KERAS]) + "\n", encoding="utf-8"
    )


def _section(symptom: Symptom) -> str:
    """One symptom."""
    leads = "\n".join(f"- {_lead(lead)}" for lead in symptom.leads)
    return f"## {symptom.words}\n\nLook at {symptom.look}.\n\n{leads}"


def _lead(lead: Lead) -> str:
    """What is seen there, and where that leads."""
    failures = ", ".join(link(name, f"failures/{name}.md") for name in lead.cases)
    lessons = ", ".join(link(name[:2], f"lessons/{name}.ipynb") for name in lead.lessons)
    return f"{lead.shows}: {failures} (lesson {lessons})"
