"""The view back: what a learner predicted, what happened, and how sure they were right."""

from dataclasses import replace
from pathlib import Path

import pytest

from coursekit.errors import BadInputError
from coursekit.predictions import Prediction, Predictions
from coursekit.widgets import asked
from coursekit.widgets.asker import predict
from coursekit.widgets.looker import LookBack, look_back
from coursekit.widgets.looking_back import Happened, calibration

FIX = Happened("D", "the same <spread>", told_by="the spread of each input")
SAID = Prediction(key="01-fix", choice="D", answer="scaling", confidence="sure")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predictions:
    """A learner's own folder."""
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path))
    monkeypatch.setattr(asked, "_QUESTIONS", {})
    return Predictions(tmp_path)


def shown(view: LookBack) -> str:
    return str(view.box.value)


def test_without_a_prediction_it_says_so_and_stores_nothing(store: Predictions) -> None:
    view = look_back({"01-fix": FIX})
    assert [line.predicted for line in view.lines] == ["nothing saved"]
    assert view.lines[0].right is None
    assert view.summary == ""
    assert not store.path.exists()
    assert "✓" not in shown(view)
    assert "✗" not in shown(view)


def test_the_newest_answer_stands_beside_what_happened(store: Predictions) -> None:
    store.save(SAID)
    store.save(replace(SAID, choice="A", answer="a <smaller> rate", confidence="think"))
    view = look_back({"01-fix": FIX})
    assert (view.lines[0].predicted, view.lines[0].right) == ("A. a <smaller> rate (think)", False)
    assert "✗ A. a &lt;smaller&gt; rate (think)" in shown(view)
    assert "D. the same &lt;spread&gt;" in shown(view)


def test_the_count_grows_over_lessons_and_a_question_counts_once(store: Predictions) -> None:
    store.save(SAID)
    assert look_back({"01-fix": FIX}).summary == "So far: when sure, right 1 of 1."
    store.save(replace(SAID, key="02-use", choice="B"))
    store.save(replace(SAID, key="02-why", choice="B", confidence="guess"))
    second = {"02-use": FIX, "02-why": Happened("B", "both", told_by="the mean")}
    for _ in range(2):  # a cell that is run again
        view = look_back(second)
    assert view.summary == "So far: when sure, right 1 of 2; when guessing, right 1 of 1."


def test_what_was_settled_survives_the_next_answer(store: Predictions) -> None:
    store.save(SAID)
    look_back({"01-fix": FIX})
    store.save(replace(SAID, key="02-use"))
    assert [letter for _, letter in store.settle({})] == ["D"]


def test_the_text_form_does_not_depend_on_the_learner(store: Predictions) -> None:
    before = repr(look_back({"01-fix": FIX}))
    store.save(SAID)
    view = look_back({"01-fix": FIX})
    assert repr(view) == before == view._repr_mimebundle_()["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in view._repr_mimebundle_()


def test_a_file_that_cannot_be_read_is_said_and_the_view_stands(store: Predictions) -> None:
    store.path.write_text('{"schema": "coursekit-predictions", "version": 99, "answers": {}}')
    view = look_back({"01-fix": FIX})
    assert view.lines[0].predicted == "nothing saved"
    assert "Upgrade coursekit" in shown(view)


def test_a_damaged_file_is_set_aside_and_said(store: Predictions) -> None:
    store.path.write_text("{")
    assert "was damaged" in shown(look_back({"01-fix": FIX}))


@pytest.mark.parametrize(
    "settled", ['{"01-fix": 3}', '["01-fix"]'], ids=["no letter", "no mapping"]
)
def test_letters_that_are_none_count_as_damage(store: Predictions, settled: str) -> None:
    store.save(SAID)
    text = store.path.read_text(encoding="utf-8").replace('"settled": {}', f'"settled": {settled}')
    store.path.write_text(text, encoding="utf-8")
    assert store.latest("01-fix") is None
    assert "was damaged" in store.notice


def test_an_older_file_without_letters_is_read(store: Predictions) -> None:
    store.save(SAID)
    text = store.path.read_text(encoding="utf-8")
    store.path.write_text(text.replace(',\n "settled": {}', ""), encoding="utf-8")
    assert store.latest("01-fix") is not None
    assert look_back({"01-fix": FIX}).lines[0].right is True


def test_bad_input_is_refused_in_words() -> None:
    with pytest.raises(BadInputError, match="No prediction was named"):
        look_back({})
    with pytest.raises(BadInputError, match="names no lesson and question"):
        look_back({"fix": FIX})
    with pytest.raises(BadInputError, match="None as its told_by"):
        Happened("B", "more epochs", told_by=None)  # type: ignore[arg-type]


def test_each_confidence_is_counted_by_itself() -> None:
    said = [
        (replace(SAID, choice="A"), "A"),
        (replace(SAID, choice="B", confidence="think"), "A"),
        (replace(SAID, choice="A", confidence="think"), "A"),
    ]
    assert calibration(said) == "So far: when sure, right 1 of 1; when thinking so, right 1 of 2."


QUESTION = "Which <one> change? " + 10 * "Think of the spread. "


def test_a_row_names_its_question_shortened_at_a_word(store: Predictions) -> None:
    predict("01-fix", QUESTION, options={"A": "more", "D": "scaling"})
    view = look_back({"01-fix": FIX, "01-never-asked": FIX})
    first, second = (line.question for line in view.lines)
    assert first.startswith("Which <one> change? Think of the spread.")
    assert first.endswith(" …")
    assert 70 < len(first) <= 90
    assert first.removesuffix(" …") + " " in QUESTION
    assert second == "01-never-asked"
    assert ">question</th>" in shown(view)
    assert "Which &lt;one&gt; change?" in shown(view)
    assert "01-never-asked</th>" in shown(view)


def test_the_learners_own_reason_stands_below_the_answer(store: Predictions) -> None:
    store.save(replace(SAID, reason="columns <differ>"))
    assert "<i>Because: columns &lt;differ&gt;</i>" in shown(look_back({"01-fix": FIX}))
    store.save(SAID)
    assert "Because" not in shown(look_back({"01-fix": FIX}))
