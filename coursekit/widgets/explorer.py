"""The live control over the knobs of a case, retraining as they move. The view only."""

import asyncio
import base64
import html
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import RLock
from typing import Any, final

import ipywidgets

from coursekit.cases.case import Case, Choice, Knob, Recipe
from coursekit.errors import BadInputError, unknown
from coursekit.widgets import turns
from coursekit.widgets.exploration import (
    Below,
    Event,
    Exploration,
    Failed,
    Finished,
    Grew,
    Moved,
    Returned,
    Run,
    Watch,
    failure_of,
    run_in_words,
    update,
)
from coursekit.widgets.live import ArrowKeys, LivePicture, LiveRegion
from coursekit.widgets.picture import WIDTH_PX, Picture
from coursekit.widgets.scores import Quantity, Rows
from coursekit.widgets.setting import Setting
from coursekit.widgets.setting_code import setting_code
from coursekit.widgets.trial import Trial

TRAINING, WAITING = "training…", "waits for the cell that runs…"
ASK_AGAIN_S = 0.05
FIRST_PICTURE_S = 0.008  # of training
FIRST_STEPS = 3  # a line to see
NEXT_PICTURE_S = 0.1
_CODE = (
    "white-space:pre;overflow-x:auto;max-height:22em;line-height:1.35;margin:0;"
    "width:0;min-width:100%"  # as wide as the control, however long its lines
)
DRAWING_RATIO = 3  # at least so long trained as drawn: a slow machine shows fewer pictures


def explore(
    case: Case,
    *knobs: str,
    recipe: Recipe | None = None,
    seed: int = 0,
    device: str = "cpu",
    quantity: Quantity = "accuracy",
    rows: Rows = "val",
    below: Below = "score",
) -> "Explorer":
    """Controls over knobs of a case: every move trains the recipe again, before your eyes.

    Args:
        case: The case.
        knobs: Names of its knobs: a number becomes a slider, a choice a list.
        recipe: What to train; the case's fixed recipe if None.
        seed: The seed of every run.
        device: Where every run happens.
        quantity: What to score after each epoch.
        rows: On which rows: validation, or ``"test"`` for the rows in use.
        below: What is drawn under the loss: that score, or each layer's gradient norm.

    Raises:
        UnknownNameError: The case has no such knob.
        BadInputError: No knob is named.

    >>> from coursekit.cases import get_case
    >>> control = explore(get_case("unscaled-features"), "proline_spread")
    >>> control
    Live control: spread of proline (standard deviations), 0.1 to 1000. Run this cell to move it.
    >>> control.state.reference.setting.short
    '1'
    """
    there = {knob.name: knob for knob in case.knobs}
    if not knobs:
        raise BadInputError(f"No knob was named. Case {case.name!r} has: {', '.join(there)}.")
    for name in knobs:
        if name not in there:
            raise unknown("knob", name, list(there))
    return Explorer(
        case.fixed if recipe is None else recipe, [there[name] for name in knobs],
        seed=seed, device=device, watch=Watch(quantity=quantity, rows=rows, below=below),
    )  # fmt: skip


@final
class Explorer:
    """What `explore` returns: shows itself as the last expression of a cell.

    Attributes:
        state: What is shown, as plain values.
        controls: Knob name to its slider or list; set its ``value``, such as ``"10"``, to move it.
        box: The whole control.
    """

    def __init__(
        self,
        recipe: Recipe,
        knobs: Sequence[Knob | Choice],
        *,
        seed: int,
        device: str,
        watch: Watch,
    ) -> None:
        self._recipe, self._start = recipe, Setting.start(knobs)
        self._seed, self._device, self._watch = seed, device, watch
        self._lock = RLock()  # JupyterLab calls back on a thread of its own
        self._task: asyncio.Task[None] | None = None
        self._returning = False
        turns.know_cells()
        reference = self._train_reference()
        self.state = Exploration(reference=reference, setting=self._start)
        self._picture = Picture(reference, watch=watch)
        self._still = self._picture.draw(None)
        self._lay_out()
        self._show_rest()
        for control in self.controls.values():
            control.observe(self._on_move, names="value")
        self._button.on_click(self._on_reset)

    def __repr__(self) -> str:
        ranges = "; ".join(_range_in_words(knob) for knob in self._start.knobs)
        which = "it" if len(self._start.knobs) == 1 else "them"
        return f"Live control: {ranges}. Run this cell to move {which}."

    def _repr_mimebundle_(
        self, **_kwargs: object
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The live control; without a kernel its sentence and the reference as a picture."""
        still = base64.b64encode(self._still).decode("ascii")
        bundle = {**self.box._repr_mimebundle_(), "text/plain": repr(self), "image/png": still}
        return bundle, {"image/png": {"width": WIDTH_PX}}

    async def settled(self) -> None:
        """Wait until the newest run has ended; for code that moves the slider itself."""
        while self._task is not None and not self._task.done():
            await asyncio.sleep(0.001)

    def _train_reference(self) -> Run:
        """The run at the start, to its end; what it raises is the cell's own error."""
        trial = self._trial(self._start)
        while trial.advance():
            pass
        return Run(setting=self._start, curve=trial.curve(), outcome=trial.outcome())

    def _trial(self, setting: Setting) -> Trial:
        """A new run at one setting."""
        recipe = self._recipe.having(**setting.values)
        return Trial(recipe, seed=self._seed, device=self._device, watch=self._watch)

    def _on_move(self, _change: object) -> None:
        """Begin a run where the controls stand now; the run before it ends at its next yield."""
        if self._returning:
            return  # the reset button puts the controls back
        chosen = tuple(control.value for control in self.controls.values())
        setting = replace(self._start, chosen=chosen)
        self._apply(Moved(setting=setting))
        run = self._drive(self.state.number, setting)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: nobody would drive a task
            for _ in run:
                pass
        else:
            self._task = loop.create_task(self._take_turns(run))

    def _on_reset(self, _button: object) -> None:
        """Back to the reference."""
        try:
            self._apply(Returned())
            with self._being_put_back():
                for knob in self._start.knobs:
                    self.controls[knob.name].value = knob.first
        except Exception as error:  # nobody reads what a button's callback raises
            self._apply(Failed(number=self.state.number, failure=failure_of(error)))

    @contextmanager
    def _being_put_back(self) -> Iterator[None]:
        """While this lasts, a control that moves starts no run."""
        self._returning = True
        try:
            yield
        finally:
            self._returning = False

    def _drive(self, number: int, setting: Setting) -> Iterator[None]:
        """One run, handing control back after each epoch; ends early once it is not the newest."""
        try:
            trial = self._trial(setting)
            trial.on_step = partial(self._show_growth, number, trial, _Pace())
            while self.state.number == number and trial.advance():
                yield
            if self.state.number != number:
                trial.close()
                return
            self._apply(Finished(number=number, curve=trial.curve(), outcome=trial.outcome()))
        except Exception as error:  # shown in red and in state.failure: no caller is left
            self._apply(Failed(number=number, failure=failure_of(error)))

    async def _take_turns(self, run: Iterator[None]) -> None:
        """Drive a run, letting the kernel hear the next message between two yields."""
        going_on = True
        while going_on:
            if turns.my_turn():
                try:
                    going_on = next(run, run) is None
                finally:
                    turns.done()
                self._status.busy = self._status.busy and TRAINING
                await asyncio.sleep(0)
            else:
                self._status.busy = self._status.busy and WAITING
                await asyncio.sleep(ASK_AGAIN_S)

    def _show_growth(self, number: int, trial: Trial, pace: "_Pace") -> None:
        """A picture of a run that goes on, where one is due; called in each of its steps."""
        if trial.steps >= FIRST_STEPS and pace.is_due():
            self._apply(Grew(number=number, curve=trial.curve()))
            pace.drawn()

    def _apply(self, event: Event) -> None:
        """Take the state on, and show what changed."""
        with self._lock:
            before, self.state = self.state, update(self.state, event)
            if self.state is before:
                return
            if isinstance(event, Moved):
                self._alarm.value = ""
                self._status.busy = TRAINING  # until then the words are of the run before
            elif isinstance(event, Grew):
                self._image.value = self._picture.draw(self.state.live)
            elif isinstance(event, Failed):
                self._alarm.value = _alarm_html(self.state)
                self._say(replace(self.state, live=None))  # this run has no numbers
            else:
                self._show_rest()

    def _show_rest(self) -> None:
        """Picture, numbers and code of a control at rest: only now, so that nothing chatters."""
        self._alarm.value = ""
        self._image.value = self._picture.draw(self.state.live)
        self._image.description = _description(self.state, self._watch)
        self._say(self.state)
        code = setting_code(self._recipe, self.state.setting.values, seed=self._seed)
        self._lines.value = _lines_html(code.lines)
        self._program.value = _code_html(code.program or "This recipe has no flat form.")

    def _say(self, state: Exploration) -> None:
        """The numbers, and that they are of now, in one message: no window shows the one alone."""
        with self._status.hold_sync():
            self._status.busy = ""
            self._status.value = _status_html(state, self._watch)

    def _lay_out(self) -> None:
        """Make the widgets; a row wraps where the window is narrow."""
        wide = {"width": "auto", "max_width": f"{WIDTH_PX}px"}
        self.controls = {knob.name: _control(knob) for knob in self._start.knobs}
        self._button = ipywidgets.Button(
            description="Reset", layout={"width": "80px", "flex": "none"}
        )
        *rows, last = [
            part
            for knob in self._start.knobs
            for part in (_label(knob, wide), self.controls[knob.name])
        ]
        self._image = LivePicture(layout=wide)
        self._status, self._alarm = LiveRegion(layout=wide), LiveRegion(role="alert", layout=wide)
        self._image.add_class("ck-picture")
        self._status.add_class("ck-status")
        self._lines, self._program = ipywidgets.HTML(), ipywidgets.HTML()
        whole = ipywidgets.Accordion([self._program], titles=["This run as plain code"])
        last.layout.flex = "1 1 200px"  # beside the button; in a column it would be its height
        row = ipywidgets.HBox([last, self._button], layout={**wide, "max_width": "480px"})
        code = ipywidgets.VBox([self._lines, whole], layout=wide)
        parts = [*rows, row, self._alarm, self._image, self._status, code, ArrowKeys()]
        self.box = ipywidgets.VBox(parts)


@final
class _Pace:
    """When the next picture of a run is due."""

    def __init__(self) -> None:
        self._due = time.perf_counter() + FIRST_PICTURE_S
        self._begun = 0.0

    def is_due(self) -> bool:
        """Whether to draw now."""
        self._begun = time.perf_counter()
        return self._begun >= self._due

    def drawn(self) -> None:
        """The picture is drawn: the next one must wait, the longer the longer it took."""
        now = time.perf_counter()
        self._due = now + max(NEXT_PICTURE_S, DRAWING_RATIO * (now - self._begun))


def _control(knob: Knob | Choice) -> Any:
    """A slider for numbers, a list for named values."""
    layout = {"width": "auto", "max_width": "392px", "min_width": "0"}
    kind = ipywidgets.SelectionSlider if isinstance(knob, Knob) else ipywidgets.Dropdown
    # The texts are the values too: a list takes the value None for "nothing chosen".
    return kind(options=list(knob.positions), value=knob.first, tooltip=knob.label, layout=layout)


def _label(knob: Knob | Choice, layout: dict[str, str]) -> ipywidgets.HTML:
    """What a control moves, above it."""
    return ipywidgets.HTML(f"<b>{html.escape(knob.label)}</b>", layout=layout)


def _range_in_words(knob: Knob | Choice) -> str:
    """What a control moves, and how far."""
    if isinstance(knob, Knob):
        return f"{knob.label}, {knob.values[0]:g} to {knob.values[-1]:g}"
    return f"{knob.label}, {', '.join(knob.positions)}"


def _status_html(state: Exploration, watch: Watch) -> str:
    """The numbers as sentences that a screen reader speaks once, when the run has ended."""
    lines = []
    if state.live is not None:
        words = run_in_words(state.live, watch=watch)
        lines.append(f"<b>This run, {html.escape(state.setting.long)}:</b> {words}")
    words = run_in_words(state.reference, watch=watch)
    lines.append(f"<b>Reference, {html.escape(state.reference.setting.named)}:</b> {words}")
    return "<br>".join(lines)


def _description(state: Exploration, watch: Watch) -> str:
    """What the picture shows, for those who do not see it; its numbers stand below it."""
    lower = watch.words if watch.below == "score" else "the gradient norm of each layer"
    own = "" if state.live is None else f"a solid line for this run, {state.setting.long}, over "
    return (
        f"Training loss by step, and below it {lower}: {own}"
        f"a dashed line for the reference, {state.reference.setting.named}."
    )


def _alarm_html(state: Exploration) -> str:
    """What went wrong, in a red box with words."""
    if state.failure is None:
        return ""
    words, where = html.escape(state.failure.words), html.escape(state.failure.where)
    return (
        '<div style="border:2px solid #b00020;padding:6px">'
        f"<b>This run stopped with an error.</b><br>{words}<br><code>{where}</code></div>"
    )


def _lines_html(lines: str) -> str:
    """The lines that the setting adds, with what they are; nothing where it adds none."""
    if not lines:
        return ""
    return f"<div>What this setting adds to the code:</div>{_code_html(lines)}"


def _code_html(code: str) -> str:
    """Code to select and copy; long lines scroll. (JupyterLab would wrap them inside a word.)"""
    return f'<pre tabindex="0" style="{_CODE}">{html.escape(code)}</pre>'
