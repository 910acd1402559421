"""The prediction's form: state, store, and silence."""

from pathlib import Path

import pytest

from coursekit.errors import BadInputError
from coursekit.predictions import Prediction, Predictions
from coursekit.widgets.asker import Asker, predict
from coursekit.widgets.asking import Asking, Edited, Saved, Troubled, answer, missing, recall

OPTIONS = {"A": "more epochs", "B": "scale the <input>"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def form(options: dict[str, str] = OPTIONS) -> Asker:
    return predict("01-fix", "Which <one> change?", options=options)


def fill(asker: Asker, choice: str | None, confidence: str | None, reason: str = "") -> None:
    asker._choice.value, asker._confidence.value = choice, confidence
    asker._reason.value = reason
    asker._save.click()


def test_nothing_is_chosen_or_stored_before_a_click(home: Path) -> None:
    asker = form()
    assert (asker._choice.value, asker._confidence.value) == (None, None)
    assert [label for label, _ in asker._choice.options] == [
        "A. more epochs",
        "B. scale the <input>",
    ]
    assert not home.exists()


def test_a_click_saves_what_was_chosen() -> None:
    asker = form()
    fill(asker, "B", "sure", "  the columns differ ")
    saved = Predictions().latest("01-fix")
    assert saved is not None
    assert (saved.choice, saved.answer) == ("B", "scale the <input>")
    assert (saved.confidence, saved.reason) == ("sure", "the columns differ")
    assert "Saved: B, sure." in asker._message.value


def test_it_says_nothing_of_right_or_wrong() -> None:
    said = []
    for choice in ("A", "B"):
        asker = form()
        fill(asker, choice, "think")
        said.append(asker.state.message.replace(f"{choice},", "X,"))
    assert said[0] == said[1]


def test_a_revisit_shows_what_was_saved_and_a_change_keeps_the_history() -> None:
    fill(form(), "A", "guess", "why not")
    again = form()
    assert (again._choice.value, again._confidence.value) == ("A", "guess")
    assert again._reason.value == "why not"
    assert "Your saved answer: A, guess." in again._message.value
    fill(again, "B", "sure")
    assert [each.choice for each in Predictions().history("01-fix")] == ["A", "B"]


def test_skip_is_one_click_and_stores_nothing(home: Path) -> None:
    asker = form()
    asker._skip.click()
    assert "Skipped." in asker._message.value
    assert not home.exists()


@pytest.mark.parametrize(
    ("choice", "confidence", "said"),
    [(None, None, "Choose a letter first"), ("A", None, "Choose how sure")],
)
def test_an_incomplete_form_says_what_is_missing(
    home: Path, choice: str | None, confidence: str | None, said: str
) -> None:
    asker = form()
    fill(asker, choice, confidence)
    assert said in asker._message.value
    assert not home.exists()


def test_the_text_form_is_the_same_whatever_was_saved() -> None:
    before = form()._repr_mimebundle_()["text/plain"]
    fill(form(), "B", "sure")
    after = form()._repr_mimebundle_()["text/plain"]
    assert before == after
    assert before == (
        "Your prediction: Which <one> change?\n  A. more epochs\n  B. scale the <input>"
    )


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    fill(form(), "B", "sure")
    form()
    assert capsys.readouterr() == ("", "")


def test_a_folder_that_cannot_be_written_is_a_sentence_in_the_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("COURSEKIT_HOME", str(tmp_path / "a file" / "home"))
    asker = form()
    fill(asker, "B", "sure")
    assert "was not saved" in asker._message.value
    assert "set COURSEKIT_HOME" in asker._message.value


def test_a_damaged_file_is_a_sentence_in_the_form(home: Path) -> None:
    home.mkdir()
    (home / "predictions.json").write_text("{", encoding="utf-8")
    assert "was damaged. It is kept as predictions.damaged-" in form()._message.value


def test_reworded_options_do_not_inherit_a_letter() -> None:
    fill(form(), "B", "sure")
    asker = form({"A": "scale the <input>", "B": "more epochs"})
    assert asker._choice.value is None
    assert "“scale the &lt;input&gt;”; the options have changed since" in asker._message.value


@pytest.mark.parametrize("options", [{}, {"A": "only"}, {1: "one", 2: "two"}])
def test_options_that_cannot_be_asked_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(BadInputError, match="Give two or more, by letter"):
        form(options)


def test_a_key_without_a_lesson_is_refused() -> None:
    with pytest.raises(BadInputError, match="names no lesson"):
        predict("fix", "Which?", options=OPTIONS)


def test_the_states_events() -> None:
    state = Asking(key="01-fix", question="?", options=OPTIONS, message="old")
    edited = answer(state, Edited(choice="A", confidence="think", reason="r"))
    assert (edited.choice, edited.confidence, edited.reason, edited.message) == (
        "A", "think", "r", "",
    )  # fmt: skip
    assert missing(edited) == ""
    assert answer(edited, Saved(notice="Note.")).message.startswith("Note. Saved: A, think.")
    assert answer(edited, Troubled(words="no")).choice == "A"
    assert recall(state, None) is state
    saved = Prediction(key="01-fix", choice="Z", answer="gone", confidence="sure")
    assert recall(state, saved).choice is None


def test_cards_below_one_another_are_parted_and_their_fields_stand_in_one_line() -> None:
    style = form().box.children[0].value
    assert "border: 1px solid var(--jp-border-color2" in style
    assert "margin: 4px 0 16px" in style
    assert ".ck-predict .widget-text .widget-label {width: auto; min-width: 0;" in style
