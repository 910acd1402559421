"""What is shown of a run, as text: the same numbers as in the pictures, and those that have none.

For the command line, and for whoever does not see the pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from coursekit.mysteries.sheet import PLACES, RANKS, WHERE, Floats, Sheet
from coursekit.mysteries.wording import cell, two_digits, whole

SPARK_POINTS = 20
BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*#@"
LOST = "×"
FLAT = 0.02  # of its height: a curve that moves less is a straight line
LOG_FROM = 20.0  # a curve that spans more is drawn by its orders of magnitude

_CURVE_WORDS = {
    "loss": "loss",
    "loss_high": "loss, highest",
    "learning_rate": "learning rate",
    "gradient_norm": "gradient norm",
    "update_ratio": "update ratio",
    "activation_std": "output spread",
    "dead_fraction": "dead ReLU units, share",
    "saturated_fraction": "saturated outputs, share",
    "weight_norm": "size of all weights",
}
_RANK_WORDS = {"least": "narrowest", "middle": "middle", "most": "widest"}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text.

    Attributes:
        title: What it holds.
        heads: The heads of the columns after the first.
        rows: Name of a row to its cells.
    """

    title: str
    heads: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]


def facts(sheet: Sheet) -> tuple[str, ...]:
    """What is one number, as sentences."""
    of = sheet.number
    classes = of("classes")
    predicts = f"{whole(classes)} classes" if classes else "a number"
    sentences = [
        f"The network has {whole(of('weight_layers'))} layers with weights, gets "
        f"{whole(of('columns'))} columns and predicts {predicts}.",
        f"It is trained on {whole(of('rows'))} rows, {whole(of('batch_rows'))} in a batch, for "
        f"{whole(of('steps'))} steps.",
        _lost(of("lost_at")),
        "Share of the rows in use that get another answer when they are asked again: "
        f"{two_digits(of('changed'))}.",
    ]
    if classes:
        sentences += [
            f"Share of the most frequent class: {two_digits(of('class_share'))} of the training "
            f"rows, {two_digits(of('batch_share'))} of a batch.",
            f"Share of the rows in use that get the most frequent answer: "
            f"{two_digits(of('same_answer'))}.",
        ]
    else:
        spread = two_digits(of("answer_spread"))
        sentences.append(f"In use, the answers spread {spread} times as far as the targets.")
    return tuple(sentences)


def tables(sheet: Sheet, *, blocks: str = BLOCKS) -> tuple[Table, ...]:
    """The curves, and what entered and came out in training, in validation and in use."""
    return (_over_the_run(sheet, blocks), _by_place(sheet))


def _over_the_run(sheet: Sheet, blocks: str) -> Table:
    """Each curve as a line of blocks, with its start, end and range."""
    rows = {}
    for name, words in _CURVE_WORDS.items():
        layered = name in ("gradient_norm", "update_ratio", "activation_std")
        for where in WHERE if layered else ("",):
            points = sheet.curve(f"{name}_{where}" if layered else name)
            label = f"{words}, {where} layer" if layered else words
            rows[label] = _cells(points, blocks)
    heads = ("", "start", "end", "lowest", "highest")
    return Table(title="Over the run, in sixtieths of it", heads=heads, rows=rows)


def _cells(points: Floats, blocks: str) -> tuple[str, ...]:
    """One curve."""
    if np.isnan(points).all():
        return ("", "none here", "", "", "")
    there = points[~np.isnan(points)]
    finite = there[np.isfinite(there)]
    low, high = (finite.min(), finite.max()) if finite.size else (there[0], there[0])
    ends = (points[0], points[-1], low, high)
    return (sparkline(points, blocks=blocks), *(cell(float(value)) for value in ends))


def sparkline(points: Floats, *, blocks: str = BLOCKS) -> str:
    """A curve as one line of characters; a cross where it is no number.

    >>> sparkline(np.linspace(1, 8, 60, dtype=np.float32))
    '▁▁▂▂▂▃▃▄▄▄▅▅▅▆▆▇▇▇██'
    """
    cross = LOST if blocks == BLOCKS else "x"
    parts = [part[len(part) // 2] for part in np.array_split(points, SPARK_POINTS)]
    chosen = np.array(parts, dtype=np.float64)
    finite = chosen[np.isfinite(chosen)]
    if not finite.size:
        return cross * SPARK_POINTS
    heights = _heights(chosen, finite)
    return "".join(
        cross if not np.isfinite(height) else blocks[round(float(height) * (len(blocks) - 1))]
        for height in heights
    )


def _heights(points: np.ndarray, finite: np.ndarray) -> np.ndarray:
    """Heights from 0 to 1."""
    low, high = finite.min(), finite.max()
    if high - low <= FLAT * max(abs(high), abs(low)):  # its wiggles would look like something
        return np.where(np.isfinite(points), 0.5, np.nan)
    if low > 0 and high > LOG_FROM * low:
        with np.errstate(invalid="ignore", divide="ignore"):
            points = np.log(points)
        low, high = np.log(low), np.log(high)
    return np.asarray((points - low) / (high - low))


def _by_place(sheet: Sheet) -> Table:
    """What entered and came out, by where."""

    def row(name: Callable[[str], str]) -> tuple[str, ...]:
        return tuple(cell(sheet.number(name(place))) for place in PLACES)

    which = "rows of class 1" if sheet.number("classes") else "all rows"
    rows = {f"spread, {_RANK_WORDS[rank]} column": row(_named("spread", rank)) for rank in RANKS}
    for kind, words in (("mean", "mean"), ("third", "spread")):
        for where in WHERE:
            rows[f"{words}, {where} third, {which}"] = row(_named(kind, where))
    if sheet.number("classes"):
        rows["share of class 0"] = row(lambda place: f"first_class_{place}")
    rows[score_words(sheet)] = row(lambda place: f"score_{place}")
    title = "What enters the network, and how well it answers"
    return Table(title=title, heads=("training", "validation", "in use"), rows=rows)


def _named(kind: str, which: str) -> Callable[[str], str]:
    """The number's name for a place."""
    return lambda place: f"{kind}_{which}_{place}"


def score_words(sheet: Sheet) -> str:
    """What the score is, and what the simplest rule reaches."""
    if sheet.number("classes"):
        return f"rightly answered (a guess: {two_digits(sheet.number('score_trivial'))})"
    return "R² (the mean: 0)"


def _lost(step: float) -> str:
    """Whether loss and gradients stayed numbers."""
    if np.isnan(step):
        return "Loss and gradients are numbers in every step."
    return f"In step {whole(step)}, the loss or a gradient is not a number."
