"""The view back at the end of a lesson: what was predicted beside what happened. The view only."""

import html
from collections.abc import Mapping
from typing import Any, final

import ipywidgets

from coursekit.errors import BadInputError
from coursekit.predictions import PredictionError, Predictions
from coursekit.widgets import asked
from coursekit.widgets.looking_back import Happened, Line, calibration, line

_CELL = (
    "padding:4px 12px 4px 0;text-align:left;vertical-align:top;white-space:normal;"
    "border-bottom:1px solid var(--jp-border-color2, #c4c4c4)"
)


def look_back(happened: Mapping[str, Happened]) -> "LookBack":
    """Show what the learner predicted beside what happened, and what would have told.

    Nothing is scored. Where the learner saved nothing, it says so.

    Args:
        happened: Key of each prediction of the lesson to what came true.

    Raises:
        BadInputError: There is no key, or one that names no lesson and question.

    >>> look_back({"01-fix": Happened("D", "the same spread", told_by="the spread of each input")})
    What happened:
      01-fix: D. the same spread. Told by: the spread of each input.
    """
    if not happened:
        raise BadInputError('No prediction was named. Write look_back({"01-fix": Happened(…)}).')
    return LookBack(happened)


@final
class LookBack:
    """What `look_back` returns: shows itself as the last expression of a cell.

    Attributes:
        lines: One for each question.
        summary: How often the learner was right so far, by how sure; "" before the first answer.
        box: The view.
    """

    def __init__(self, happened: Mapping[str, Happened]) -> None:
        self._happened = dict(happened)
        self._trouble = ""
        self.summary = ""
        self.lines = self._looked_up(Predictions())
        self.box = ipywidgets.HTML(
            _as_html(self.lines, self._trouble or self.summary), layout={"max_width": "960px"}
        )

    def __repr__(self) -> str:
        lines = (
            f"  {key}: {each.letter}. {each.text}. Told by: {each.told_by}."
            for key, each in self._happened.items()
        )
        return "\n".join(["What happened:", *lines])

    def _repr_mimebundle_(self, **_kwargs: object) -> dict[str, Any]:
        """The table; without a kernel what happened, and never what was chosen."""
        return {**self.box._repr_mimebundle_(), "text/plain": repr(self)}

    def _looked_up(self, store: Predictions) -> list[Line]:
        """The lines, with the learner's own answers where there are any."""
        try:
            settled = store.settle({key: each.letter for key, each in self._happened.items()})
            own = {said.key: said for said, _ in settled}
            self.summary = calibration(settled)
            self._trouble = store.notice
        except PredictionError as error:
            own, self._trouble = {}, str(error)
        return [
            line(key, each, own.get(key), question=asked.heading(key))
            for key, each in self._happened.items()
        ]


def _as_html(lines: list[Line], below: str) -> str:
    """A table, a row for each question, and a sentence below."""
    heads = "".join(
        f'<th scope="col" style="{_CELL}">{head}</th>'
        for head in ("question", "you predicted", "what happened", "what would have told")
    )
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal">{html.escape(each.question)}</th>'
        + "".join(
            f'<td style="{_CELL}">{cell}</td>'
            for cell in (_own(each), html.escape(each.happened), html.escape(each.told_by))
        )
        + "</tr>"
        for each in lines
    )
    table = (
        f'<table style="border-collapse:collapse;line-height:1.4"><tr>{heads}</tr>{rows}</table>'
    )
    return f'<div class="ck-look-back">{table}<p>{html.escape(below)}</p></div>'


def _own(each: Line) -> str:
    """The learner's answer, with a sign and not a colour for right or not, and the reason."""
    sign = "" if each.right is None else f"{'✓' if each.right else '✗'} "
    reason = f"<br><i>Because: {html.escape(each.reason)}</i>" if each.reason else ""
    return f"{sign}{html.escape(each.predicted)}{reason}"
