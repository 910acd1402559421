"""The picture of a live control: this run over the reference, the loss above, a panel below.

Axes, ticks and the reference are drawn once and copied back under each new curve: about 20 ms
a picture where a full drawing takes 60.
"""

import io
import math
import zlib
from typing import Any, final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from coursekit.widgets.exploration import Curve, Run, Watch
from coursekit.widgets.panels import Panel, panel_of

WIDTH_PX = 640
LEFT = 0.13
SHARPNESS = 1.5  # image pixels per CSS pixel: still sharp at 150 % zoom
REFERENCE = {"color": "#5a5a5a", "linestyle": (0, (4, 2)), "linewidth": 1.6}
BENEATH = {**REFERENCE, "linestyle": "-", "linewidth": 0.8, "alpha": 0.35}
LIVE = {"color": "#0072b2", "linestyle": "-", "linewidth": 1.8}
MOST_BACKGROUNDS = 8
NO_LAYOUT: Any = "none"  # the margins are fixed, whatever a notebook's style asks for
LOSS_FLOOR, LOSS_CEILING = 1e-4, 1e6

Limits = tuple[float, float, float, float, float, float]


@final
class Picture:
    """A figure that is kept and drawn over and over; `draw` returns PNG bytes.

    >>> from coursekit.widgets.setting import Setting
    >>> losses = (1.0, 0.5)
    >>> curve = Curve(losses=losses, scored_at=(2,), scores=(0.9,), planned_steps=2)
    >>> start = Setting(knobs=(), chosen=("1",))
    >>> picture = Picture(Run(setting=start, curve=curve), watch=Watch())
    >>> picture.draw(None)[1:4]
    b'PNG'
    """

    def __init__(self, reference: Run, *, watch: Watch) -> None:
        self._reference = reference
        self._panel = panel_of(watch)
        self._backgrounds: dict[Limits, bytes] = {}
        figure = Figure(figsize=(6.4, 4.3), dpi=100 * SHARPNESS, layout=NO_LAYOUT)
        self._canvas: Any = FigureCanvasAgg(figure)  # its blitting methods are not annotated
        shared = watch.below == "score"  # then one axis of steps serves both
        self.loss_axes, self.lower_axes = figure.subplots(
            2, 1, sharex=shared, height_ratios=[3, 2] if shared else [5, 4]
        )
        _furnish(self.loss_axes, watch)
        self._panel.furnish(self.lower_axes)
        for axes in (self.loss_axes, self.lower_axes):
            axes.grid(visible=True, color="#e4e4e4", linewidth=0.8)
            axes.spines[["top", "right"]].set_visible(False)
        figure.subplots_adjust(
            left=LEFT, right=0.975, top=0.9, bottom=0.115, hspace=0.09 if shared else 0.5
        )
        self._plot(reference.curve, REFERENCE)
        self._plot(reference.curve, BENEATH)  # dashes of a noisy curve fall apart into dots
        self._live = self._plot(Curve(), {**LIVE, "animated": True})
        (self._end,) = self.loss_axes.plot([], [], "X", color="#d55e00", ms=10, animated=True)
        self._end.set_clip_on(False)
        self._note = self.loss_axes.text(
            0.5, 0.94, "", transform=self.loss_axes.transAxes, animated=True,
            ha="center", va="top", color="#8a3b00", weight="bold",
        )  # fmt: skip
        self._remark = self.lower_axes.text(
            0.5, 0.45, "", transform=self.lower_axes.transAxes, animated=True,
            ha="center", va="center", color="#8a3b00", weight="bold",
        )  # fmt: skip
        alone = len(reference.setting.chosen) < 2  # several take a line for themselves
        head: dict[str, Any] = {"weight": "bold", "size": 10 if alone else 8}
        own: dict[str, Any] = {"animated": True, "color": LIVE["color"]}
        self._title = figure.text(LEFT, 0.93 if alone else 0.955, "", **head, **own)
        figure.text(
            0.975 if alone else LEFT, 0.93 if alone else 0.915,
            f"dashed: reference, {reference.setting.named}", ha="right" if alone else "left",
            color=REFERENCE["color"], **head,
        )  # fmt: skip
        steps, low, _, width, floor, ceiling = _limits(reference.curve, Curve(), self._panel)
        for top in _tops(reference.curve):
            self._background(
                (steps, low, top, width, floor, ceiling)
            )  # now, and not in a first picture

    def draw(self, live: Run | None) -> bytes:
        """The picture as PNG: the reference, and this run where there is one."""
        curve = Curve() if live is None else live.curve
        background = self._background(_limits(self._reference.curve, curve, self._panel))
        self._set_live(live, curve)
        _unpack(background, self._canvas)
        for axes, artist in zip((self.loss_axes, self.lower_axes), self._live, strict=True):
            axes.draw_artist(artist)
        for artist in (self._end, self._note, self._remark, self._title):
            self.loss_axes.draw_artist(artist)
        return _png(self._canvas)

    def _plot(self, curve: Curve, style: dict[str, Any]) -> tuple[Any, Any]:
        """One run's two lines."""
        losses = _visible(curve)
        (loss_line,) = self.loss_axes.plot(range(len(losses)), losses, **style)
        (lower_line,) = self.lower_axes.plot(
            *self._panel.points(curve), marker=self._panel.marker, markersize=4, **style
        )
        return loss_line, lower_line

    def _background(self, limits: Limits) -> bytes:
        """What stays, drawn once for each pair of limits that a run asked for."""
        steps, low, high, width, *heights = limits
        self.loss_axes.set(xlim=(0, steps), ylim=(low, high))
        self.lower_axes.set(xlim=(self._panel.start, width), ylim=heights)
        if limits not in self._backgrounds:
            if len(self._backgrounds) == MOST_BACKGROUNDS:
                self._backgrounds.clear()
            self._canvas.draw()
            self._backgrounds[limits] = _packed(self._canvas)
        return self._backgrounds[limits]

    def _set_live(self, live: Run | None, curve: Curve) -> None:
        """Put the newest run into the artists that are drawn each time."""
        loss_line, lower_line = self._live
        losses = _visible(curve)
        loss_line.set_data(range(len(losses)), losses)
        lower_line.set_data(*self._panel.points(curve))
        self._title.set_text("" if live is None else f"solid: this run, {live.setting.named}")
        self._remark.set_text(self._panel.remark(curve))
        diverged = curve.diverged_at
        self._note.set_text("" if diverged is None else f"diverged at step {diverged}")
        if diverged is None:
            self._end.set_data([], [])
            return
        ceiling = self.loss_axes.get_ylim()[1]
        height = min(losses[-1], ceiling) if losses else ceiling
        self._end.set_data([max(diverged - 1, 0)], [height])  # on the last number there was


def _furnish(loss_axes: Axes, watch: Watch) -> None:
    """Scales and labels of the loss."""
    unit = " (nat)" if watch.quantity == "accuracy" else ""  # a classifier's is a cross-entropy
    loss_axes.set(yscale="log", ylabel=f"training loss{unit}")
    if watch.below != "score":
        loss_axes.set(xlabel="step (batches trained on)")
    loss_axes.minorticks_off()


def _visible(curve: Curve) -> list[float]:
    """The losses up to where they are no numbers any more."""
    return list(curve.losses[: curve.diverged_at])


def _limits(reference: Curve, live: Curve, panel: Panel) -> Limits:
    """Steps, whole decades that hold both runs, the panel's end, and its heights.

    Beyond the ceiling a curve leaves the top.
    """
    steps = max(reference.planned_steps, live.planned_steps, 1)
    low = min(_decade_below(reference), _decade_below(live))
    tops = _tops(reference)
    highest = max(_visible(live), default=0.0)
    high = next((top for top in tops if highest <= top), tops[-1])
    width = max(panel.width(reference), panel.width(live), 1)
    return steps, low, high, width, *panel.heights(reference, live)


def _tops(reference: Curve) -> tuple[float, ...]:
    """Where the loss axis may end: few places, so that a growing run seldom asks for a drawing."""
    highest = min(max([*_visible(reference), 10 * _decade_below(reference)]), LOSS_CEILING)
    top = 10.0 ** math.ceil(math.log10(highest))
    return tuple(sorted({top, min(100 * top, LOSS_CEILING), LOSS_CEILING}))


def _decade_below(curve: Curve) -> float:
    """The power of ten below every positive loss, within what the axis can show."""
    least = min((loss for loss in _visible(curve) if loss > 0), default=LOSS_CEILING)
    least = min(max(least, LOSS_FLOOR), LOSS_CEILING / 10)
    return float(10.0 ** math.floor(math.log10(least)))


def _packed(canvas: Any) -> bytes:
    """What the canvas shows, in 30 kB: as it is, each would hold 2.5 MB of a learner's kernel."""
    return zlib.compress(canvas.buffer_rgba(), level=1)


def _unpack(background: bytes, canvas: Any) -> None:
    """Put it back on the canvas: 3 ms."""
    pixels = np.asarray(canvas.buffer_rgba())
    pixels[:] = np.frombuffer(zlib.decompress(background), pixels.dtype).reshape(pixels.shape)


def _png(canvas: Any) -> bytes:
    """The canvas as PNG; 64 colours keep the message to the browser small."""
    buffer = io.BytesIO()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.quantize(64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        buffer, "png", compress_level=1
    )
    return buffer.getvalue()
