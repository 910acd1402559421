"""The map of the course holds every case, and is what lesson 00 shows."""

import re

import pytest
from fill_map import START, filled
from nbtools.targets import targets

from coursekit.cases import CASES
from coursekit.cases.case import Case, Raises
from coursekit.symptoms import SYMPTOMS, Lead, card, markdown, places, text
from coursekit.symptoms.table import FOR_KERAS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_stands_on_the_map_with_its_lesson(case: Case) -> None:
    found = list(places(case.name))
    assert found
    assert all(case.lesson in lead.lessons for _, lead in found)
    assert not any(lead.keras for _, lead in found)  # what the map says of PyTorch is there too


def test_the_map_names_nothing_but_cases() -> None:
    named = {name for symptom in SYMPTOMS for lead in symptom.leads for name in lead.cases}
    assert named == {case.name for case in CASES}


def test_what_a_lead_shows_has_no_colon_of_its_own() -> None:
    """One follows it on the page: "it is in the inputs already: lesson 08"."""
    assert [lead.shows for symptom in SYMPTOMS for lead in symptom.leads if ":" in lead.shows] == []


def test_a_lesson_without_a_case_of_its_own_is_named_too() -> None:
    lead = Lead(shows="a softmax", cases=("one-nan",), also=("05_wrong_loss",))
    assert lead.lessons == ("05_wrong_loss", "08_missing_and_corrupted_data")


def test_every_lesson_that_is_named_is_there() -> None:
    written = {target.path.stem for target in targets() if target.kind == "lesson"}
    assert {name for symptom in SYMPTOMS for name in symptom.lessons} <= written


def test_what_raises_stands_under_errors_and_nothing_else_does() -> None:
    (errors,) = (symptom for symptom in SYMPTOMS if symptom.words == "An error stops it")
    named = {name for lead in errors.leads for name in lead.cases}
    assert named == {case.name for case in CASES if isinstance(case.claim, Raises)}


def test_an_error_is_told_by_words_that_it_has() -> None:
    (errors,) = (symptom for symptom in SYMPTOMS if symptom.words == "An error stops it")
    for lead in errors.leads:
        for case in CASES:
            if case.name in lead.cases and not lead.keras:
                with pytest.raises(Exception, match=said(lead)):
                    case.broken.run(0)


def said(lead: Lead) -> str:
    """A pattern of the words of an error."""
    return "(?i)" + re.sub("[ …]+", ".*", lead.shows.removesuffix(" (Keras)"))


def test_an_error_of_keras_is_told_by_words_that_it_has() -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    (errors,) = (symptom for symptom in SYMPTOMS if symptom.words == "An error stops it")
    leads = [lead for lead in errors.leads if lead.keras]
    raising = [case for case in CASES if isinstance(case.keras.claim, Raises)]
    assert {name for lead in leads for name in lead.cases} == {case.name for case in raising}
    for lead in leads:
        for case in raising:
            if case.name in lead.cases:
                assert case.keras.broken is not None
                with pytest.raises(Exception, match=said(lead)):
                    case.keras.broken.run(0)


def test_the_map_ends_with_a_line_for_keras() -> None:
    assert markdown([]).endswith(FOR_KERAS)
    assert " ".join(text().split()).endswith(FOR_KERAS.replace("`", ""))
    assert "<code>KerasRecorder</code> measures on a probe batch" in card()


def test_lesson_00_shows_the_map() -> None:
    """Where this fails, run ``python tools/fill_map.py`` and build lesson 00."""
    assert START.read_text(encoding="utf-8") == filled()


def test_a_lesson_is_linked_where_it_is_written_and_named_by_command_where_not() -> None:
    (nan, *_) = SYMPTOMS
    bare = markdown([], [nan])
    assert "ipynb" not in bare
    assert "`coursekit cases one-nan`" in bare
    linked = markdown(["08_missing_and_corrupted_data"], [nan])
    assert "[08](08_missing_and_corrupted_data.ipynb)" in linked
    assert "one-nan" not in linked


def test_a_terminal_shows_whole_names() -> None:
    shown = text()
    assert all(case.name in shown for case in CASES)
    assert max(map(len, shown.splitlines())) <= 96
