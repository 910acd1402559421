"""The live control: a slider over one knob of a case, retraining as it moves. The view only."""

import asyncio
import base64
import html
import time
from collections.abc import Iterator
from threading import RLock
from typing import Any, final

import ipywidgets

from coursekit.cases.case import Case, Knob, Recipe
from coursekit.errors import unknown
from coursekit.widgets.exploration import (
    Event,
    Exploration,
    Failed,
    Finished,
    Grew,
    Moved,
    Quantity,
    Returned,
    Run,
    failure_of,
    run_in_words,
    update,
)
from coursekit.widgets.picture import WIDTH_PX, Picture
from coursekit.widgets.setting_code import setting_code
from coursekit.widgets.trial import Trial

FIRST_PICTURE_S = 0.008  # of training: an epoch or two are there to see
NEXT_PICTURE_S = 0.05
DRAWING_RATIO = 3  # at least so long trained as drawn: a slow machine shows fewer pictures


def explore(
    case: Case,
    knob: str,
    *,
    recipe: Recipe | None = None,
    seed: int = 0,
    device: str = "cpu",
    quantity: Quantity = "accuracy",
) -> "Explorer":
    """A slider over one knob of a case: every move trains the recipe again, before your eyes.

    Args:
        case: The case.
        knob: The name of one of its knobs.
        recipe: What to train; the case's fixed recipe if None.
        seed: The seed of every run.
        device: Where every run happens.
        quantity: What to score on the validation rows after each epoch.

    Raises:
        UnknownNameError: The case has no such knob.

    >>> from coursekit.cases import get_case
    >>> control = explore(get_case("unscaled-features"), "proline_spread")
    >>> control
    Live control: spread of proline (standard deviations), 0.1 to 1000. Run this cell to move it.
    >>> control.state.reference.setting
    1.0
    """
    for candidate in case.knobs:
        if candidate.name == knob:
            return Explorer(
                case.fixed if recipe is None else recipe,
                candidate,
                seed=seed,
                device=device,
                quantity=quantity,
            )
    raise unknown("knob", knob, [each.name for each in case.knobs])


@final
class Explorer:
    """What `explore` returns: shows itself as the last expression of a cell.

    Attributes:
        state: What is shown, as plain values.
        slider: Set ``slider.value`` to move it from code.
        box: The whole control.
    """

    def __init__(
        self, recipe: Recipe, knob: Knob, *, seed: int, device: str, quantity: Quantity
    ) -> None:
        self._recipe, self._knob = recipe, knob
        self._seed, self._device, self._quantity = seed, device, quantity
        self._lock = RLock()  # JupyterLab calls back on a thread of its own
        self._task: asyncio.Task[None] | None = None
        reference = self._train_reference()
        self.state = Exploration(reference=reference, setting=knob.start)
        self._picture = Picture(reference, quantity=quantity)
        self._still = self._picture.draw(None)
        self._lay_out()
        self._show_rest()
        self.slider.observe(self._on_move, names="value")
        self._button.on_click(self._on_reset)

    def __repr__(self) -> str:
        low, high = self._knob.values[0], self._knob.values[-1]
        return f"Live control: {self._knob.label}, {low:g} to {high:g}. Run this cell to move it."

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
        """The run at the knob's start, to its end; what it raises is the cell's own error."""
        trial = self._trial(self._knob.start)
        while trial.advance():
            pass
        return Run(setting=self._knob.start, curve=trial.curve(), outcome=trial.outcome())

    def _trial(self, setting: float) -> Trial:
        """A new run at one position of the slider."""
        recipe = self._recipe.having(**{self._knob.name: setting})
        return Trial(recipe, seed=self._seed, device=self._device, quantity=self._quantity)

    def _on_move(self, change: dict[str, Any]) -> None:
        """Begin a run where the slider stands now; the run before it ends at its next yield."""
        if change["new"] == self.state.setting:
            return  # the reset button has put the slider back
        self._apply(Moved(setting=change["new"]))
        run = self._drive(self.state.number, change["new"])
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # plain Python: nobody would drive a task
            for _ in run:
                pass
        else:
            self._task = loop.create_task(_take_turns(run))

    def _on_reset(self, _button: object) -> None:
        """Back to the reference."""
        try:
            self._apply(Returned())
            self.slider.value = self._knob.start
        except Exception as error:  # nobody reads what a button's callback raises
            self._apply(Failed(number=self.state.number, failure=failure_of(error)))

    def _drive(self, number: int, setting: float) -> Iterator[None]:
        """One run, handing control back after each epoch; ends early once it is not the newest."""
        try:
            trial = self._trial(setting)
            due = time.perf_counter() + FIRST_PICTURE_S
            while self.state.number == number and trial.advance():
                begun = time.perf_counter()
                if begun >= due:
                    self._apply(Grew(number=number, curve=trial.curve()))
                    drawn = time.perf_counter()
                    due = drawn + max(NEXT_PICTURE_S, DRAWING_RATIO * (drawn - begun))
                yield
            if self.state.number != number:
                trial.close()
                return
            self._apply(Finished(number=number, curve=trial.curve(), outcome=trial.outcome()))
        except Exception as error:  # shown in red and in state.failure: no caller is left
            self._apply(Failed(number=number, failure=failure_of(error)))

    def _apply(self, event: Event) -> None:
        """Take the state on, and show what changed."""
        with self._lock:
            before, self.state = self.state, update(self.state, event)
            if self.state is before:
                return
            if isinstance(event, Moved):
                self._alarm.value = ""
            elif isinstance(event, Grew):
                self._image.value = self._picture.draw(self.state.live)
            elif isinstance(event, Failed):
                self._alarm.value = _alarm_html(self.state)
            else:
                self._show_rest()

    def _show_rest(self) -> None:
        """Picture, numbers and code of a control at rest: only now, so that nothing chatters."""
        self._alarm.value = ""
        self._image.value = self._picture.draw(self.state.live)
        self._status.value = _status_html(self.state, self._knob, self._quantity)
        code = setting_code(
            self._recipe, name=self._knob.name, value=self.state.setting, seed=self._seed
        )
        self._lines.value = _code_html(code.lines)
        self._program.value = _code_html(code.program or "This recipe has no flat form.")

    def _lay_out(self) -> None:
        """Make the widgets; a row wraps where the window is narrow."""
        wide = {"width": "auto", "max_width": f"{WIDTH_PX}px"}
        self.slider = ipywidgets.SelectionSlider(
            options=[(f"{value:g}", value) for value in self._knob.values],
            value=self._knob.start,
            tooltip=self._knob.label,
            layout={"flex": "1 1 200px", "width": "auto", "min_width": "0"},
        )
        self._button = ipywidgets.Button(
            description="Reset", layout={"width": "80px", "flex": "none"}
        )
        label = ipywidgets.HTML(f"<b>{html.escape(self._knob.label)}</b>", layout=wide)
        self._image = ipywidgets.Image(format="png", layout={**wide, "height": "auto"})
        self._status, self._alarm = ipywidgets.HTML(layout=wide), ipywidgets.HTML(layout=wide)
        self._lines, self._program = ipywidgets.HTML(), ipywidgets.HTML()
        whole = ipywidgets.Accordion([self._program], titles=["This run as plain code"])
        row = ipywidgets.HBox([self.slider, self._button], layout={**wide, "max_width": "480px"})
        code = ipywidgets.VBox([self._lines, whole], layout=wide)
        self.box = ipywidgets.VBox([label, row, self._alarm, self._image, self._status, code])


async def _take_turns(run: Iterator[None]) -> None:
    """Drive a run, letting the kernel hear the next message between two yields."""
    for _ in run:
        await asyncio.sleep(0)


def _status_html(state: Exploration, knob: Knob, quantity: Quantity) -> str:
    """The numbers as sentences that a screen reader speaks once, when the run has ended."""
    lines = []
    if state.live is not None:
        words = run_in_words(state.live, quantity=quantity)
        lines.append(f"<b>This run, {html.escape(knob.label)} = {state.setting:g}:</b> {words}")
    words = run_in_words(state.reference, quantity=quantity)
    lines.append(f"<b>Reference, {state.reference.setting:g}:</b> {words}")
    opening = '<div role="status" aria-live="polite" class="ck-status" style="line-height:1.4">'
    return f"{opening}{'<br>'.join(lines)}</div>"


def _alarm_html(state: Exploration) -> str:
    """What went wrong, in a red box with words."""
    if state.failure is None:
        return ""
    words, where = html.escape(state.failure.words), html.escape(state.failure.where)
    return (
        '<div role="alert" style="border:2px solid #b00020;padding:6px;line-height:1.4">'
        f"<b>This run stopped with an error.</b><br>{words}<br><code>{where}</code></div>"
    )


def _code_html(code: str) -> str:
    """Code to select and copy; long lines scroll."""
    return (
        '<pre tabindex="0" style="overflow:auto;max-height:22em;line-height:1.35;margin:0">'
        f"{html.escape(code)}</pre>"
    )
