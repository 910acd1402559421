"""The quiz in a notebook: state, view, and silence."""

import base64
import html
import re

import pytest

from coursekit.errors import BadInputError
from coursekit.mysteries import Mystery, Plan, draw, judge
from coursekit.mysteries.causes import HEALTHY, words_of
from coursekit.mysteries.describing import facts, tables
from coursekit.mysteries.legend import LEGEND
from coursekit.widgets import quizzer
from coursekit.widgets.quizzer import Quizzer, quiz
from coursekit.widgets.quizzing import (
    Chose,
    Judged,
    Lacked,
    Quizzing,
    Troubled,
    WentOn,
    proceed,
)

PLAN = Plan(seed=7, count=2)
MYSTERIES = draw(PLAN)


def right(mystery: Mystery) -> str:
    return next(letter for letter in mystery.options if judge(mystery, letter).right)


def wrong(mystery: Mystery) -> str:
    return next(letter for letter in mystery.options if not judge(mystery, letter).right)


def started(count: int = 2) -> Quizzer:
    return quiz(seed=7, count=count)


def answer(one: Quizzer, letter: str) -> None:
    one._choice.value = letter
    one._answer.click()


def text_of(widget: object) -> str:
    """What a reader sees of an HTML widget."""
    return html.unescape(re.sub(r"<[^>]*>", " ", str(getattr(widget, "value"))))  # noqa: B009


def image_of(one: Quizzer) -> bytes:
    (source,) = re.findall(r'src="data:image/png;base64,([^"]*)"', one._image.value)
    return base64.b64decode(source)


def test_at_first_nothing_is_chosen_said_or_given_away() -> None:
    one = started()
    assert one._choice.value is None
    assert list(one._choice.options) == [
        (f"{letter}. {words}", letter) for letter, words in MYSTERIES[0].options.items()
    ]
    assert text_of(one._message).strip() == ""
    assert not one._choice.disabled


def test_the_picture_has_a_text_and_its_numbers_stand_below() -> None:
    one = started()
    (alt,) = re.findall(r'alt="([^"]*)"', one._image.value)
    for fact in facts(MYSTERIES[0].sheet):
        assert fact in html.unescape(alt)
        assert fact in text_of(one._numbers)
    for table in tables(MYSTERIES[0].sheet):
        for name, cells in table.rows.items():
            assert name in text_of(one._numbers)
            assert all(cell in text_of(one._numbers) for cell in cells)
    assert one._numbers.value.count('scope="row"') == sum(
        len(table.rows) for table in tables(MYSTERIES[0].sheet)
    )


def test_the_words_are_folded_and_stay_as_they_are() -> None:
    one = started()
    before = one._words.value
    assert before.startswith("<details><summary>What the words mean</summary>")
    for word, meaning in LEGEND.items():
        assert f"{word} {meaning}" in " ".join(text_of(one._words).split())
    answer(one, "A")
    one._next.click()
    assert one._words.value is before


def test_the_little_curves_are_for_the_eye_alone() -> None:
    (table, _) = tables(MYSTERIES[0].sheet)
    curves = [cells[0] for cells in table.rows.values() if cells[0]]
    assert all(
        f'<td aria-hidden="true">{curve}</td>' in started()._numbers.value for curve in curves
    )


def test_a_right_answer() -> None:
    one = started()
    answer(one, right(MYSTERIES[0]))
    verdict = judge(MYSTERIES[0], right(MYSTERIES[0]))
    for sentence in (verdict.measured, verdict.why):
        assert sentence in text_of(one._message)
    assert text_of(one._message).strip().startswith(f"Right. It is {verdict.letter}: ")
    assert one._choice.disabled


def test_after_an_answer_the_other_run_is_in_the_picture() -> None:
    one = started()
    before = image_of(one)
    answer(one, wrong(MYSTERIES[0]))
    assert image_of(one) != before
    assert "Thin black lines" in one._image.value
    letter = wrong(MYSTERIES[0])
    verdict = judge(MYSTERIES[0], letter)
    said = text_of(one._message).strip()
    assert said.startswith(f"Not so, it is {verdict.letter}: {words_of(verdict.answer)}. ")
    assert f"You answered: {MYSTERIES[0].options[letter]}." in said


def test_an_answer_without_a_letter_asks_for_one() -> None:
    one = started()
    one._answer.click()
    assert "Choose a letter first." in text_of(one._message)
    assert one.state.verdicts == ()


def test_the_next_run_starts_afresh() -> None:
    one = started()
    answer(one, right(MYSTERIES[0]))
    one._next.click()
    assert one.state.shown.name == MYSTERIES[1].name
    assert one._choice.value is None
    assert [letter for _, letter in one._choice.options] == list(MYSTERIES[1].options)
    assert not one._choice.disabled
    assert text_of(one._message).strip() == ""
    assert "Mystery 2 of 2" in text_of(one._title)


def test_the_same_letter_can_be_chosen_again_in_the_next_run() -> None:
    one = started()
    answer(one, "A")
    one._next.click()
    answer(one, "A")
    assert len(one.state.verdicts) == 2


def test_the_last_answer_brings_the_score() -> None:
    one = started()
    answer(one, right(MYSTERIES[0]))
    one._next.click()
    answer(one, wrong(MYSTERIES[1]))
    said = text_of(one._message)
    assert "Score: 1 of 2; " in said
    assert "Read again: lesson " in said
    assert one.state.is_over
    one._next.click()
    assert text_of(one._message) == said


def test_the_score_comes_with_a_line_to_copy() -> None:
    one = quiz(seed=7, count=2, only="01,04", half="B")
    for mystery in draw(Plan(seed=7, count=2, only="01,04", half="B")):
        assert "<code>" not in one._message.value
        answer(one, right(mystery))
        one._next.click()
    (line,) = re.findall("<code>(.*)</code>", one._message.value)
    assert line == one.state.line
    assert re.fullmatch(
        r"seed 7, lessons 01\+04, half B: causes (\d) of \1, healthy called ill 0 of \d, "
        r"ill called healthy 0 of \1",
        line,
    )


def test_the_next_run_comes_after_the_answer_and_an_answer_stands() -> None:
    one = started()
    one._next.click()
    assert "Answer this run first." in text_of(one._message)
    answer(one, wrong(MYSTERIES[0]))
    state, image = one.state, one._image.value
    one._answer.click()
    assert one.state is state
    assert one._image.value == image


def test_the_verdict_says_what_was_drawn_into_the_picture() -> None:
    said = set()
    for mystery in draw(Plan(seed=7, count=12)):
        verdict = judge(mystery, "A")
        state = proceed(Quizzing(plan=PLAN, mysteries=(mystery, mystery)), Judged(verdict=verdict))
        words = state.message[-1]
        assert ("orange frame" in words) == bool(verdict.panel)
        other = "the run with a fault" if verdict.answer == HEALTHY else "the healthy run"
        assert f"thin black lines are {other}" in words
        said.add(words)
    assert len(said) >= 2


def test_the_buttons_go_off_at_the_end_alone_and_the_keyboard_goes_to_the_score() -> None:
    """A button that goes off takes the keyboard's place with it."""
    one = started()
    answer(one, "A")
    assert not one._answer.disabled
    assert not one._next.disabled
    one._next.click()
    assert not one._answer.disabled
    assert (one._title.visits, one._message.visits) == (1, 0)
    answer(one, "B")
    assert one._answer.disabled
    assert one._next.disabled
    assert (one._title.visits, one._message.visits) == (1, 1)


def test_the_next_run_brings_its_picture_into_view() -> None:
    one = started()
    one._next.click()  # not answered yet
    assert one._title.visits == 0
    answer(one, "A")
    one._next.click()
    assert (one._title.visits, one._title.lands) == (1, "start")


def test_the_score_is_a_bold_line_of_its_own() -> None:
    one = started(count=1)
    answer(one, right(one.state.shown))
    assert one._message.value.startswith("<p ")
    assert "<b>Score: 1 of 1; " in one._message.value.split("</p>")[0]


def test_what_is_said_is_a_polite_live_region_and_controls_are_ordinary_ones() -> None:
    one = started()
    assert (one._message.role, one._alarm.role) == ("status", "alert")
    kinds = [type(part).__name__ for part in one.box.children]
    assert kinds == [
        "HTML",  # styles
        "LiveRegion",
        *["HTML"] * 3,
        "RadioButtons",
        "HBox",
        "HTML",
        "LiveRegion",
        "LiveRegion",
        "ArrowKeys",
    ]
    assert [type(part).__name__ for part in one.box.children[6].children] == ["Button", "Button"]


def test_without_a_kernel_a_sentence_and_a_picture_stand_there_always_the_same() -> None:
    one = started()
    before, sizes = one._repr_mimebundle_()
    answer(one, right(MYSTERIES[0]))
    one._next.click()
    after, _ = one._repr_mimebundle_()
    for form in ("text/plain", "image/png"):
        assert before[form] == after[form] == started()._repr_mimebundle_()[0][form]
    assert before["text/plain"] == (
        "Mystery runs: 2 runs without a label. What is the matter with each, or is it healthy? "
        "Run this cell to answer."
    )
    assert sizes == {"image/png": {"width": 960}}


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    answer(started(), "A")
    assert capsys.readouterr() == ("", "")


def test_what_a_button_raises_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    one = started()

    def broken(*_args: object, **_options: object) -> bytes:
        raise RuntimeError("no <ink>")

    monkeypatch.setattr(quizzer, "picture", broken)
    answer(one, "A")
    assert "RuntimeError: no <ink>" in text_of(one._alarm)
    assert one.state.alarm.startswith("RuntimeError")


def test_without_a_seed_runs_are_drawn() -> None:
    assert len(quiz(count=1).state.mysteries) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1},
        {"count": 0},
        {"lessons": "2"},
        {"only": "07"},
        {"half": "C"},
        {"lessons": "02", "only": "01"},
    ],
)
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        quiz(**{"seed": 1, **options})


def test_the_states_events() -> None:
    state = Quizzing(plan=PLAN, mysteries=MYSTERIES)
    verdict = judge(MYSTERIES[0], "A")
    assert proceed(state, WentOn()).message == ("Answer this run first.",)
    assert proceed(state, Lacked()).message == ("Choose a letter first.",)
    chosen = proceed(proceed(state, Lacked()), Chose(choice="A"))
    assert (chosen.choice, chosen.message) == ("A", ())
    judged = proceed(chosen, Judged(verdict=verdict))
    assert judged.verdict is verdict
    assert set(judged.message) >= {verdict.measured}
    for event in (Judged(verdict=verdict), Chose(choice="B"), Lacked()):
        assert proceed(judged, event) is judged, "an answer stands"
    last = proceed(judged, WentOn())
    assert (last.place, last.choice, last.verdict, last.is_last) == (1, None, None, True)
    over = proceed(last, Judged(verdict=judge(MYSTERIES[1], "A")))
    assert over.is_over
    assert proceed(over, WentOn()) is over
    assert proceed(over, Troubled(words="no")).alarm == "no"


def test_a_quiz_of_nothing_is_refused() -> None:
    with pytest.raises(BadInputError, match="No run was drawn"):
        Quizzing(plan=PLAN, mysteries=())
