"""From a symptom to its lesson: the map of the course, as text, in a notebook and on one page."""

from coursekit.symptoms.page import card, markdown, text
from coursekit.symptoms.table import FOR_KERAS, SYMPTOMS, Lead, Symptom, places

__all__ = ["FOR_KERAS", "SYMPTOMS", "Lead", "Symptom", "card", "markdown", "places", "text"]
