"""A quiz of runs without a label, in a notebook. The view only.

Nothing is trained, kept or sent. Its text form is the same whatever was answered.
"""

import base64
import html
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import ipywidgets

from coursekit.mysteries import Mystery, Plan, draw, judge
from coursekit.mysteries.describing import Table, facts, tables
from coursekit.mysteries.halves import Half
from coursekit.mysteries.legend import LEGEND
from coursekit.mysteries.picture import picture
from coursekit.mysteries.sparkline import MARKS
from coursekit.widgets.exploration import failure_of
from coursekit.widgets.live import ArrowKeys, LiveRegion
from coursekit.widgets.quizzing import (
    Chose,
    Event,
    Judged,
    Lacked,
    Quizzing,
    Troubled,
    WentOn,
    proceed,
)

STATIC_WIDTH_PX = 960
_MOST_SEED = 100_000

# ipywidgets gives a radio button one line of a fixed height, over which a long option spills.
_STYLE = """<style>
.ck-quiz .widget-radio, .ck-quiz .widget-radio-box {height: auto; min-width: 0}
.ck-quiz .widget-radio-box label {
  height: auto; line-height: 1.4; padding: 2px 0; white-space: normal; display: flex;
  flex-direction: row-reverse; justify-content: flex-end; align-items: flex-start}
.ck-quiz .widget-radio-box input {flex: none; margin: 0 8px 0 1px}
.ck-quiz .widget-html-content {line-height: 1.4}
.ck-quiz img {width: 100%; max-width: 1200px; height: auto}
.ck-quiz table {border-collapse: collapse; margin: 6px 0}
.ck-quiz caption {text-align: left; font-weight: bold}
.ck-quiz th, .ck-quiz td {padding: 0 8px; text-align: right; font-weight: normal}
.ck-quiz th:first-child {text-align: left}
.ck-quiz dl {margin: 6px 0}
.ck-quiz dt {font-weight: bold}
.ck-quiz dd {margin: 0 0 4px 16px}
</style>"""


def quiz(
    *, seed: int | None = None, count: int = 10, lessons: str | None = None,
    only: str | None = None, half: Half | None = None,
) -> "Quizzer":  # fmt: skip
    """Show runs without a label, and ask what is the matter with each, or whether it is healthy.

    After an answer the measurement that tells is shown, beside that of another run. The score at
    the end is kept nowhere.

    Args:
        seed: Gives the same runs in the same order, on every machine; None draws others each time.
        count: How many runs; fewer where there are not as many.
        lessons: Two digits: only what the lessons up to this one teach. None for all.
        only: In its place: only what these lessons teach, ``"01,04"``.
        half: ``"A"`` or ``"B"``: one half of the stored runs. No run of one is in the other, so one
            serves before a course and the other after it. With one seed both ask about the same
            causes. None for all runs.

    Raises:
        BadInputError: One of these cannot be used, or both `lessons` and `only` are given.

    >>> quiz(seed=1, count=3, lessons="02")
    Mystery runs: 3 runs without a label. What is the matter with each, or is it healthy? Run this cell to answer.
    """  # noqa: E501 - a doctest's output cannot be wrapped
    chosen = secrets.randbelow(_MOST_SEED) if seed is None else seed
    plan = Plan(seed=chosen, count=count, lessons=lessons, only=only, half=half)
    return Quizzer(Quizzing(plan=plan, mysteries=draw(plan)))


@final
class Quizzer:
    """What `quiz` returns: shows itself as the last expression of a cell.

    Attributes:
        state: The quiz, as plain values.
        box: The whole form.
    """

    def __init__(self, state: Quizzing) -> None:
        self.state = state
        self._showing = False
        self._still = picture(state.shown.sheet)
        self._lay_out()
        self._show_run(self._still)
        self._show_state()
        self._choice.observe(self._on_choice, names="value")
        self._answer.on_click(self._on_answer)
        self._next.on_click(self._on_next)

    def __repr__(self) -> str:
        return self.state.in_words()

    def _repr_mimebundle_(
        self, **_kwargs: object
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The live quiz; without a kernel its sentence and the first run as a picture."""
        still = base64.b64encode(self._still).decode("ascii")
        bundle = {**self.box._repr_mimebundle_(), "text/plain": repr(self), "image/png": still}
        return bundle, {"image/png": {"width": STATIC_WIDTH_PX}}

    def _on_choice(self, _change: object) -> None:
        """Another letter."""
        if not self._showing:  # the view puts the buttons back for the next run
            self._apply(Chose(choice=self._choice.value))

    def _on_answer(self, _button: object) -> None:
        """Judge the chosen letter, and show what told."""
        with self._alarmed():
            mystery = self.state.shown
            if self.state.verdict is not None:
                return
            if self.state.choice is None:
                self._apply(Lacked())
                return
            verdict = judge(mystery, self.state.choice)
            self._apply(Judged(verdict=verdict))
            self._show_run(picture(mystery.sheet, marked=verdict.panel, beside=verdict.beside))
            if self.state.is_over:
                self._message.visits += 1  # the button that was pressed is off

    def _on_next(self, _button: object) -> None:
        """The next run."""
        with self._alarmed():
            before = self.state.place
            self._apply(WentOn())
            if self.state.place != before:
                self._show_run(picture(self.state.shown.sheet))
                self._title.visits += 1  # the picture is far above the button

    @contextmanager
    def _alarmed(self) -> Iterator[None]:
        """Show what is raised in here: nobody reads what a button's callback raises."""
        try:
            yield
        except Exception as error:
            failure = failure_of(error)
            self._apply(Troubled(words=f"{failure.words} ({failure.where})"))

    def _apply(self, event: Event) -> None:
        """Take the state on, and show it."""
        self.state = proceed(self.state, event)
        self._show_state()

    def _show_run(self, image: bytes) -> None:
        """The picture and the tables of the run that is shown."""
        state, mystery = self.state, self.state.shown
        head = f"Mystery {mystery.number} of {mystery.of}"
        self._title.value = f"<b>{head}: what is the matter with this run?</b>"
        alt = f"{head}, ten small plots. {' '.join(facts(mystery.sheet))}"
        if state.verdict is not None:
            alt += " Thin black lines: the run it is compared with."
        source = base64.b64encode(image).decode("ascii")
        self._image.value = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{source}">'
        self._numbers.value = _numbers_html(mystery)

    def _show_state(self) -> None:
        """Options, buttons and what is said."""
        state = self.state
        self._showing = True
        options = [(f"{letter}. {text}", letter) for letter, text in state.shown.options.items()]
        if list(self._choice.options) != options:
            self._choice.options = options
        self._choice.value = state.choice
        self._choice.disabled = state.verdict is not None
        self._showing = False
        self._answer.disabled = self._next.disabled = state.is_over
        self._message.value = _message_html(state)
        self._alarm.value = _alarm_html(state.alarm)

    def _lay_out(self) -> None:
        """Make the widgets."""
        wide = {"width": "auto", "max_width": "1200px"}
        self._title = LiveRegion(lands="start", layout=wide)
        self._image = ipywidgets.HTML(layout=wide)
        self._style = ipywidgets.HTML(_STYLE)
        self._numbers = ipywidgets.HTML(layout=wide)
        self._words = ipywidgets.HTML(value=_words_html(), layout=wide)
        self._choice = ipywidgets.RadioButtons(layout={"width": "auto", "max_width": "640px"})
        self._answer = ipywidgets.Button(description="Answer", button_style="primary")
        self._next = ipywidgets.Button(description="Next run")
        self._message, self._alarm = LiveRegion(layout=wide), LiveRegion(role="alert", layout=wide)
        self._message.add_class("ck-said")
        # Off at the end alone: a button that goes off takes the keyboard's place with it.
        buttons = ipywidgets.HBox([self._answer, self._next])
        hint = ipywidgets.HTML(
            "<small>By keyboard: Tab moves, the arrow keys choose, Space presses.</small>"
        )
        self.box = ipywidgets.VBox(
            [
                self._style, self._title, self._image, self._numbers, self._words, self._choice,
                buttons, hint, self._alarm, self._message, ArrowKeys(),
            ]
        )  # fmt: skip
        self.box.add_class("ck-quiz")


def _numbers_html(mystery: Mystery) -> str:
    """What the pictures show, and what has none, as text."""
    sentences = " ".join(html.escape(fact) for fact in facts(mystery.sheet))
    parts = "".join(_table_html(table) for table in tables(mystery.sheet))
    return f"<p>{sentences}</p><details><summary>The pictures as numbers</summary>{parts}</details>"


def _words_html() -> str:
    """What the words mean, folded: the same for every run, so it stays as open as it was."""
    entries = "".join(
        f"<dt>{html.escape(word)}</dt><dd>{html.escape(meaning)}</dd>"
        for word, meaning in LEGEND.items()
    )
    return f"<details><summary>What the words mean</summary><dl>{entries}</dl></details>"


def _table_html(table: Table) -> str:
    """A table with heads; the little curves are for the eye alone."""
    heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in ("", *table.heads))
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>{"".join(map(_cell_html, cells))}</tr>'
        for name, cells in table.rows.items()
    )
    caption = html.escape(table.title)
    return f"<table><caption>{caption}</caption><tr>{heads}</tr>{rows}</table>"


def _cell_html(text: str) -> str:
    """One cell."""
    hidden = ' aria-hidden="true"' if len(text) == MARKS else ""
    return f"<td{hidden}>{html.escape(text)}</td>"


def _message_html(state: Quizzing) -> str:
    """The score, large, the message, a sentence a line, and a line to copy."""
    lines = "<br>".join(html.escape(sentence) for sentence in state.message)
    if not state.score:
        return lines
    head = f'<p style="font-size:1.3em;margin:8px 0"><b>{html.escape(state.score)}</b></p>'
    line = f"<code>{html.escape(state.line)}</code>"
    return f"{head}{lines}<p>In one line, for whoever collects scores:<br>{line}</p>"


def _alarm_html(words: str) -> str:
    """What went wrong, in a red box with words."""
    if not words:
        return ""
    return (
        '<div style="border:2px solid #b00020;padding:6px">'
        f"<b>This did not work.</b> {html.escape(words)}</div>"
    )
