"""The form in which a learner commits to a prediction. The view only.

It says nothing of right or wrong, prints nothing, and its text form is the same whatever was saved.
"""

import html
from collections.abc import Mapping
from typing import Any, final

import ipywidgets

from coursekit.predictions import CONFIDENCES, PredictionError, Predictions
from coursekit.widgets import asked
from coursekit.widgets.asking import (
    Asking,
    Edited,
    Event,
    Saved,
    Skipped,
    Troubled,
    answer,
    missing,
    recall,
    to_save,
)
from coursekit.widgets.exploration import failure_of
from coursekit.widgets.live import ArrowKeys, LiveRegion

# ipywidgets gives a radio button one line of a fixed height, over which a long option spills.
_STYLE = """<style>
.ck-predict .widget-radio, .ck-predict .widget-radio-box {height: auto; min-width: 0}
.ck-predict .widget-radio-box label {
  height: auto; line-height: 1.4; padding: 2px 0; white-space: normal; display: flex;
  flex-direction: row-reverse; justify-content: flex-end; align-items: flex-start}
.ck-predict .widget-radio-box input {flex: none; margin: 0 8px 0 1px}
.ck-predict .widget-html-content {line-height: 1.4}
.ck-predict .widget-text .widget-label {width: auto; min-width: 0; margin-right: 8px}
.ck-predict {
  margin: 4px 0 16px; padding: 8px 12px; border: 1px solid var(--jp-border-color2, #c4c4c4)}
</style>"""


def predict(key: str, question: str, *, options: Mapping[str, str]) -> "Asker":
    """Ask for a prediction: lettered options, how sure, and a reason if one likes.

    What was saved before is filled in. Skip costs one click. Nothing is sent anywhere: the
    answer lies in the learner's own data folder (see `coursekit.predictions`).

    Args:
        key: Lesson and question: ``"01-fix"``.
        question: What is asked, as plain text.
        options: Letter to text.

    Raises:
        BadInputError: The key names no lesson, or there are fewer than two options.

    >>> predict("01-fix", "Which one change?", options={"A": "more epochs", "B": "scale"})
    Your prediction: Which one change?
      A. more epochs
      B. scale
    """
    asker = Asker(Asking(key=key, question=question, options=dict(options)))
    asked.note(key, question)
    return asker


@final
class Asker:
    """What `predict` returns: shows itself as the last expression of a cell.

    Attributes:
        state: The form, as plain values.
        box: The whole form.
    """

    def __init__(self, state: Asking) -> None:
        self._store = Predictions()
        self.state = self._recalled(state)
        self._lay_out()
        self._message.value = html.escape(self.state.message)
        self._save.on_click(self._on_save)
        self._skip.on_click(self._on_skip)

    def __repr__(self) -> str:
        return self.state.in_words()

    def _repr_mimebundle_(self, **_kwargs: object) -> dict[str, Any]:
        """The live form; without a kernel the question and its options."""
        return {**self.box._repr_mimebundle_(), "text/plain": repr(self)}

    def _recalled(self, state: Asking) -> Asking:
        """The form with what was saved before, or with the reason why it cannot be read."""
        try:
            recalled = recall(state, self._store.latest(state.key))
        except PredictionError as error:
            return answer(state, Troubled(words=str(error)))
        if self._store.notice:
            return answer(recalled, Troubled(words=self._store.notice))
        return recalled

    def _on_save(self, _button: object) -> None:
        """Keep the form's answer, or say what is missing."""
        choice, confidence = self._choice.value, self._confidence.value
        self._apply(Edited(choice=choice, confidence=confidence, reason=self._reason.value))
        lacking = missing(self.state)
        if lacking:
            self._apply(Troubled(words=lacking))
            return
        try:
            self._store.save(to_save(self.state))
            self._apply(Saved(notice=self._store.notice))
        except PredictionError as error:
            self._apply(Troubled(words=str(error)))
        except Exception as error:  # nobody reads what a button's callback raises
            failure = failure_of(error)
            self._apply(Troubled(words=f"Not saved. {failure.words} ({failure.where})"))

    def _on_skip(self, _button: object) -> None:
        """Go on without an answer."""
        self._apply(Skipped())

    def _apply(self, event: Event) -> None:
        """Take the state on, and show what it says."""
        self.state = answer(self.state, event)
        self._message.value = html.escape(self.state.message)

    def _lay_out(self) -> None:
        """Make the widgets, filled in as the state says."""
        state, wide = self.state, {"width": "auto", "max_width": "640px"}
        title = f"{_STYLE}<b>{html.escape(state.question)}</b>"
        question = ipywidgets.HTML(title, layout=wide)
        self._choice = ipywidgets.RadioButtons(
            options=[(f"{letter}. {text}", letter) for letter, text in state.options.items()],
            value=state.choice,
            layout=wide,
        )
        self._confidence = ipywidgets.RadioButtons(
            options=list(CONFIDENCES),
            value=state.confidence,
            description="How sure?",
            orientation="horizontal",
            layout=wide,
        )
        self._reason = ipywidgets.Text(
            value=state.reason,
            description="Because",
            placeholder="a line of your own, if you like",
            layout=wide,
        )
        self._save = ipywidgets.Button(description="Save", button_style="primary")
        self._skip = ipywidgets.Button(description="Skip")
        self._message = LiveRegion(layout=wide)
        self._message.add_class("ck-said")
        buttons = ipywidgets.HBox([self._save, self._skip])
        self.box = ipywidgets.VBox(
            [
                question, self._choice, self._confidence, self._reason, buttons, self._message,
                ArrowKeys(),
            ]
        )  # fmt: skip
        self.box.add_class("ck-predict")
