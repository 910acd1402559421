"""From a symptom to its lesson: the map of the course, as text, in a notebook and on one page."""

from coursekit.symptoms.page import card, markdown, text
from coursekit.symptoms.table import SYMPTOMS, Lead, Symptom, places

__all__ = ["SYMPTOMS", "Lead", "Symptom", "card", "markdown", "places", "text"]
